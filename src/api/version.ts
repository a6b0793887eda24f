// The API version of a request: `/v1.45/info` or, for a bare `/info`, the newest. Runs in the daemon.
// Docker Engine API reference, "Versioning".

import { invalidArgument } from '../base/errors.ts';

export const API_VERSION = '1.51';
export const MIN_API_VERSION = '1.24';

const PREFIX = /^\/v([0-9.]+)(\/.*)$/;

/** Splits the version prefix from a path. `version` is the client's, or API_VERSION for a bare path. */
export function splitVersion(path: string): { version: string; path: string } {
  const match = PREFIX.exec(path);
  return match === null ? { version: API_VERSION, path } : { version: match[1]!, path: match[2]! };
}

/** @throws invalidArgument with Docker's texts for a version that is too new or too old. */
export function checkVersion(version: string): void {
  if (compareVersions(version, MIN_API_VERSION) < 0) {
    throw invalidArgument(
      `client version ${version} is too old. Minimum supported API version is ${MIN_API_VERSION}, ` +
        'please upgrade your client to a newer version',
    );
  }
  if (compareVersions(version, API_VERSION) > 0) {
    throw invalidArgument(`client version ${version} is too new. Maximum supported API version is ${API_VERSION}`);
  }
}

/** True when the request speaks `since` or newer. */
export function atLeast(version: string, since: string): boolean {
  return compareVersions(version, since) >= 0;
}

function compareVersions(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let part = 0; part < Math.max(left.length, right.length); part++) {
    const difference = (left[part] ?? 0) - (right[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

// Paths as `docker cp` reads them: a slash or `/.` at the end has a meaning. Pure. moby: pkg/archive/copy.go;
// docker/cli: cli/command/container/cp.go.

import { posix } from 'node:path';

/** `container:path`, or a local path; one that is absolute or begins with a dot is always local. */
export function splitArgument(text: string): { container: string; path: string } {
  const colon = text.indexOf(':');
  if (text.startsWith('/') || colon < 0 || text.startsWith('.')) return { container: '', path: text };
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}

/** filepath.Clean. */
export function clean(path: string): string {
  return posix.normalize(path === '' ? '.' : path).replace(/(.)\/$/, '$1');
}

export function hasTrailingSlash(path: string): boolean {
  return path.endsWith('/');
}

/** The path ends in `.`: what is in the directory, not the directory. */
export function namesContents(path: string): boolean {
  return /(^|\/)\.\/*$/.test(path);
}

export function assertsDirectory(path: string): boolean {
  return hasTrailingSlash(path) || namesContents(path);
}

/** The path cleaned, with the end that had a meaning. */
export function keepEnd(cleaned: string, original: string): string {
  if (namesContents(original) && !namesContents(cleaned)) {
    return `${hasTrailingSlash(cleaned) ? cleaned : `${cleaned}/`}.`;
  }
  if (hasTrailingSlash(original) && !hasTrailingSlash(cleaned)) return `${cleaned}/`;
  return cleaned;
}

/** Directory and last part; of `a/.` they are `a` and `.`. */
export function splitEntry(path: string): { directory: string; base: string } {
  const cleaned = namesContents(path) && clean(path) !== '.' ? `${clean(path).replace(/\/$/, '')}/.` : clean(path);
  return { directory: posix.dirname(cleaned), base: posix.basename(cleaned) || '/' };
}

/** A link's target in the link's place, under the link's name. */
export function rebased(path: string, resolved: string): { path: string; name: string } {
  let target = resolved;
  if (namesContents(path) && !namesContents(target)) target += '/.';
  if (hasTrailingSlash(path) && !hasTrailingSlash(target)) target += '/';
  return { path: target, name: posix.basename(path) === posix.basename(target) ? '' : posix.basename(path) };
}

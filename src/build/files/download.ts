// Sources of ADD from the network: one file by http or https, its digest checked when one is given.
// Runs in the daemon, in the host's network namespace. moby: daemon/builder/dockerfile/copy.go, downloadSource

import { createHash } from 'node:crypto';
import { createWriteStream, utimesSync } from 'node:fs';
import { posix, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isDigest, type Digest } from '../../base/digest.ts';
import { invalidArgument, messageOf, unavailable } from '../../base/errors.ts';

export const isUrl = (word: string) => /^https?:\/\//.test(word);

/** A repository: by its scheme, or by the `.git` that its path ends in. */
export function isGit(word: string): boolean {
  if (/^(git|ssh):\/\//.test(word) || /^git@[^/]+:/.test(word)) return true;
  return isUrl(word) && new URL(word).pathname.endsWith('.git');
}

/**
 * Fetches `url` into `directory`; gives the file's name, or undefined when the URL has none (the file is `__unnamed__` then).
 * @throws invalidArgument for a digest that does not match; unavailable when it cannot be had
 */
export async function download(
  url: string,
  { directory, checksum, signal }: { directory: string; checksum: string | undefined; signal: AbortSignal },
): Promise<string | undefined> {
  if (checksum !== undefined && !isDigest(checksum)) {
    throw invalidArgument(`ADD ${url}: invalid checksum ${JSON.stringify(checksum)}: expected sha256:<64 hex digits>`);
  }
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const cause = (error as Error).cause ?? error;
    throw unavailable(`ADD failed: Get ${JSON.stringify(url)}: ${messageOf(cause)}`, { cause });
  }
  if (!response.ok)
    throw invalidArgument(
      `ADD failed: failed to GET ${url} with status ${response.status} ${response.statusText}: `.trimEnd(),
    );
  const name = nameOf(url, response);
  const path = join(directory, name ?? '__unnamed__');
  const hash = createHash('sha256');
  async function* hashed(): AsyncGenerator<Uint8Array> {
    if (!response.body) return;
    for await (const chunk of Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0])) {
      hash.update(chunk as Uint8Array);
      yield chunk as Uint8Array;
    }
  }
  await pipeline(hashed(), createWriteStream(path, { mode: 0o600, flags: 'wx' }), { signal });
  const found: Digest = `sha256:${hash.digest('hex')}`;
  if (checksum !== undefined && found !== checksum) {
    throw invalidArgument(`ADD failed: digest mismatch for ${url}: expected ${checksum}, found ${found}`, {
      fix: 'see what the URL serves now; the checksum of a file that is meant to change cannot be pinned',
    });
  }
  const modified = Date.parse(response.headers.get('last-modified') ?? '');
  const time = Number.isNaN(modified) ? 0 : modified / 1000;
  utimesSync(path, time, time);
  return name;
}

/** The last part of the path, or what Content-Disposition says. */
function nameOf(url: string, response: Response): string | undefined {
  const { pathname } = new URL(url);
  if (pathname !== '' && !pathname.endsWith('/')) return safe(decodeURIComponent(posix.basename(pathname)));
  const told = /filename="?([^";]+)"?/i.exec(response.headers.get('content-disposition') ?? '')?.[1];
  return told === undefined || told.endsWith('/') ? undefined : safe(posix.basename(told));
}

function safe(name: string): string | undefined {
  return name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0') ? undefined : name;
}

// A context that the client names instead of sending it: a repository, an archive, or a Dockerfile alone, by URL.
// Runs in the daemon. moby: daemon/builder/remotecontext/detect.go

import { createReadStream, readFileSync } from 'node:fs';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { invalidArgument } from '../../base/errors.ts';
import { download, isGit, isUrl } from './download.ts';
import { cloneRepository } from './git.ts';

export type Remote = { directory: string } | { archive: AsyncIterable<Uint8Array> } | { dockerfile: string };

const LONGEST_DOCKERFILE = 4 << 20;

/** `directory`: a new one, for what is fetched. @throws invalidArgument, unavailable */
export async function readRemote(
  remote: string,
  { directory, signal }: { directory: string; signal: AbortSignal },
): Promise<Remote> {
  if (isGit(remote)) {
    const repository = join(directory, 'repository');
    mkdirSync(repository);
    const subdirectory = await cloneRepository(remote, { directory: repository, keepGitDirectory: false, signal });
    return { directory: join(repository, subdirectory) };
  }
  if (!isUrl(remote)) throw invalidArgument(`remoteURL (${remote}) could not be recognized as URL`);
  const name = await download(remote, { directory, checksum: undefined, signal });
  const path = join(directory, name ?? '__unnamed__');
  const start = readFileSync(path).subarray(0, LONGEST_DOCKERFILE);
  // Text has no NUL; every archive has.
  if (!start.includes(0)) return { dockerfile: start.toString('utf8') };
  return { archive: createReadStream(path) };
}

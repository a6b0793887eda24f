// One blob on its way in: partial file, running hash, commit by rename. The name is given only after the hash of every
// byte was compared, so that a committed blob is a verified blob. Runs in the daemon. rename(2)

import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Digest } from '../base/digest.ts';
import { internal, invalidArgument, unavailable } from '../base/errors.ts';
import { diskError } from './disk-error.ts';

/**
 * Opens the bytes of a blob at `offset`. It may answer with an earlier offset 0 when it cannot resume: the partial is then
 * written anew.
 */
export type Source = (
  offset: number,
  signal: AbortSignal | undefined,
) => Promise<{ offset: number; body: AsyncIterable<Uint8Array> | Iterable<Uint8Array> }>;

export interface IngestOptions {
  digest: Digest;
  /** bytes; more or fewer are an error */
  size?: number;
  signal?: AbortSignal;
  /** called with the bytes that are here so far */
  progress?(bytes: number): void;
}

interface Paths {
  partial: string;
  path: string;
}

/** Writes `partial` from `source`, verifies, renames to `path`. */
export async function ingest(source: Source, options: IngestOptions & Paths): Promise<void> {
  const resumed = await transfer(source, options);
  if (resumed === 'committed') return;
  // The bytes on disk were another run's; they, not the source, may be what is wrong. Once more from the start.
  await transfer(source, options);
}

async function transfer(source: Source, options: IngestOptions & Paths): Promise<'committed' | 'stale partial'> {
  const { digest, partial, path } = options;
  const directory = dirname(path);
  let state: { handle: FileHandle; hash: Hash; length: number };
  try {
    state = await openPartial(partial, options.size);
  } catch (error) {
    throw diskError(`open partial blob ${digest}`, error, directory);
  }
  const { handle } = state;
  const resumedAt = state.length;
  let keep = true;
  try {
    await receive(source, options, state);
    const found = `sha256:${state.hash.digest('hex')}` as Digest;
    keep = found === digest;
    if (keep) await commit({ digest, partial, path });
    else if (resumedAt === 0) throw mismatch(digest, found, state.length);
    return keep ? 'committed' : 'stale partial';
  } catch (error) {
    if (error instanceof Discard) {
      keep = false;
      throw error.cause;
    }
    throw error;
  } finally {
    await handle.close();
    if (!keep) await rm(partial, { force: true });
  }
}

/** Marks an error after which the partial is worth nothing: too many bytes, or a disk that takes no more. */
class Discard extends Error {}

async function receive(
  source: Source,
  options: IngestOptions & Paths,
  state: { handle: FileHandle; hash: Hash; length: number },
): Promise<void> {
  const { digest, size, signal, progress, path } = options;
  if (size !== undefined && state.length === size) return;
  const { offset, body } = await source(state.length, signal);
  if (offset !== state.length) {
    if (offset !== 0) throw internal(`blob ${digest}: asked for byte ${state.length}, the source is at ${offset}`);
    await state.handle.truncate(0);
    state.hash = createHash('sha256');
    state.length = 0;
  }
  for await (const chunk of body) {
    signal?.throwIfAborted();
    if (size !== undefined && state.length + chunk.length > size)
      throw new Discard('', {
        cause: invalidArgument(`blob verification failed: ${digest} has more than its ${size} bytes`),
      });
    state.hash.update(chunk);
    try {
      await writeAll(state.handle, chunk, state.length);
    } catch (error) {
      throw new Discard('', { cause: diskError(`write blob ${digest}`, error, dirname(path)) });
    }
    state.length += chunk.length;
    progress?.(state.length);
  }
  signal?.throwIfAborted();
  if (size !== undefined && state.length < size)
    throw unavailable(`blob ${digest}: ended after ${state.length} of ${size} bytes: unexpected EOF`);
}

async function writeAll(handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length;) {
    const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, position + done);
    done += bytesWritten;
  }
}

async function commit(input: { digest: Digest } & Paths): Promise<void> {
  try {
    await rename(input.partial, input.path);
  } catch (error) {
    throw diskError(`commit blob ${input.digest}`, error, dirname(input.path));
  }
}

/** Opens or makes the partial, and hashes what it already has. */
async function openPartial(partial: string, size: number | undefined) {
  const writable = await open(partial, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    const hash = createHash('sha256');
    const have = (await writable.stat()).size;
    if (size === undefined || have > size) {
      await writable.truncate(0);
      return { handle: writable, hash, length: 0 };
    }
    const buffer = Buffer.allocUnsafe(Math.min(have, 1 << 20));
    let length = 0;
    while (length < have) {
      const { bytesRead } = await writable.read(buffer, 0, buffer.length, length);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      length += bytesRead;
    }
    return { handle: writable, hash, length };
  } catch (error) {
    await writable.close();
    throw error;
  }
}

function mismatch(expected: Digest, found: Digest, length: number): Error {
  return invalidArgument(`blob verification failed: expected ${expected}, found ${found} (${length} bytes)`);
}

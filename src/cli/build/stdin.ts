// A context from standard input: an archive, compressed or not, or the text of a Dockerfile. Runs in the CLI, as the user.

import { readSync } from 'node:fs';
import { errnoOf } from '../../base/errors.ts';
import { dockerfileAlone, type ContextSource } from './context.ts';

const CHUNK = 256 * 1024;
/** Where a tar header says what it is. */
const MAGIC_AT = 257;

/** What standard input holds. `dockerfile`: its path in the archive. */
export function stdinContext(dockerfile: string | undefined): ContextSource {
  const first = readChunk();
  if (!isArchive(first)) return dockerfileAlone(Buffer.concat([first, ...rest()]).toString('utf8'));
  return { dockerfile: dockerfile ?? 'Dockerfile', text: undefined, archive: follow(first) };
}

/** All of standard input. */
export function stdinText(): string {
  return Buffer.concat([...rest()]).toString('utf8');
}

function isArchive(start: Buffer): boolean {
  const begins = (...bytes: number[]) => bytes.every((byte, at) => start[at] === byte);
  if (
    begins(0x1f, 0x8b) ||
    begins(0x42, 0x5a, 0x68) ||
    begins(0xfd, 0x37, 0x7a, 0x58) ||
    begins(0x28, 0xb5, 0x2f, 0xfd)
  )
    return true;
  return start.toString('latin1', MAGIC_AT, MAGIC_AT + 5) === 'ustar';
}

async function* follow(first: Buffer): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest();
}

function* rest(): Generator<Buffer> {
  for (let chunk = readChunk(); chunk.length > 0; chunk = readChunk()) yield chunk;
}

/** As much as there is, at least a tar header's length unless the input ends before. */
function readChunk(): Buffer {
  const chunk = Buffer.allocUnsafe(CHUNK);
  let filled = 0;
  while (filled < 512) {
    try {
      const length = readSync(0, chunk, filled, CHUNK - filled, null);
      if (length === 0) break;
      filled += length;
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') throw error;
      // Somebody made this descriptor non-blocking and its writer is slow: give it a moment.
      Atomics.wait(PAUSE, 0, 0, 2);
    }
  }
  return chunk.subarray(0, filled);
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4));

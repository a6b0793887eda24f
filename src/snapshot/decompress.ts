// An archive's bytes, whatever it was compressed with; the first bytes tell, not a media type or a name. Layers are gzip, zstd or
// plain; what users bring may also be bzip2 or xz, which the programs of that name undo, as for Docker. Runs in the daemon and
// its unpack worker. RFC 1952 (gzip, several members), RFC 8878 (zstd, several frames), bzip2(1), xz(1).

import { spawn } from 'node:child_process';
import { createReadStream, type ReadStream } from 'node:fs';
import { pipeline, Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { errnoOf, invalidArgument, messageOf, unavailable } from '../base/errors.ts';
import { zstdDecoder } from './zstd.ts';

const CHUNK = 256 * 1024;

export type Compression = 'gzip' | 'zstd' | 'bzip2' | 'xz' | 'none';

export function compressionOf(start: Buffer): Compression {
  if (start[0] === 0x1f && start[1] === 0x8b) return 'gzip';
  if (start.length >= 4) {
    const magic = start.readUInt32LE(0);
    if (magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50) return 'zstd';
  }
  if (start.toString('latin1', 0, 3) === 'BZh') return 'bzip2';
  if (start.toString('latin1', 0, 5) === '\xfd7zXZ') return 'xz';
  return 'none';
}

/**
 * The bytes of a layer's blob. `onRead` is told how many bytes of the blob were read so far.
 * @throws invalidArgument when the blob is corrupt, cut short or compressed as no layer is; the file system's error when it
 * cannot be read.
 */
export async function* decompressed(path: string, onRead: (bytes: number) => void): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: CHUNK });
  try {
    yield* decode(file as AsyncIterable<Buffer>, { onRead, layer: true });
  } finally {
    file.destroy();
    await closed(file);
  }
}

/** The bytes of an archive that a user brings. @throws as decompressed; unavailable when this host lacks the program */
export function decompressedStream(archive: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  return decode(archive, { onRead: () => {}, layer: false });
}

async function* decode(
  archive: AsyncIterable<Uint8Array>,
  { onRead, layer }: { onRead: (bytes: number) => void; layer: boolean },
): AsyncGenerator<Buffer> {
  const source = buffers(archive);
  const first = await enough(source);
  if (!first) return;
  const compression = compressionOf(first);
  const counted = count(first, source, onRead);
  if (compression === 'none') yield* counted;
  else if (compression === 'gzip' || compression === 'zstd') yield* through(counted, compression);
  else if (layer) throw invalidArgument(`layer is compressed with ${compression}: not supported`);
  else yield* throughProgram(counted, compression);
}

async function* buffers(archive: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, undefined> {
  for await (const chunk of archive) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
}

/** The first bytes, as many as tell the compression; undefined when there are none. */
async function enough(source: AsyncIterator<Buffer>): Promise<Buffer | undefined> {
  let start: Buffer | undefined;
  while (!start || start.length < 6) {
    const next = await source.next();
    if (next.done) return start;
    start = start ? Buffer.concat([start, next.value]) : next.value;
  }
  return start;
}

async function* count(first: Buffer, rest: AsyncIterator<Buffer>, onRead: (bytes: number) => void) {
  let bytes = 0;
  for (let chunk = first; ;) {
    yield chunk;
    onRead((bytes += chunk.length));
    const next = await rest.next();
    if (next.done) return;
    chunk = next.value;
  }
}

async function* through(blob: AsyncIterable<Buffer>, compression: 'gzip' | 'zstd'): AsyncGenerator<Buffer> {
  // The queue lets inflate, on a thread of libuv's pool, run ahead of the writer.
  const decoder: Transform =
    compression === 'gzip'
      ? zlib.createGunzip({ chunkSize: CHUNK, highWaterMark: 4 * CHUNK } as zlib.ZlibOptions)
      : zstdDecoder();
  let broken: unknown;
  pipeline(Readable.from(blob, { objectMode: false, highWaterMark: 4 * CHUNK }), decoder, (error) => (broken = error));
  try {
    for await (const chunk of decoder) yield chunk as Buffer;
  } catch (error) {
    const cause = broken ?? error;
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    if (!code.startsWith('Z_') && !code.startsWith('ZSTD') && !(cause instanceof RangeError)) throw cause;
    throw invalidArgument(`layer is not valid ${compression}: ${messageOf(cause)}`, { cause });
  } finally {
    decoder.destroy();
  }
}

async function* throughProgram(blob: AsyncIterable<Buffer>, program: 'bzip2' | 'xz'): AsyncGenerator<Buffer> {
  const child = spawn(program, ['-dc'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const said: Buffer[] = [];
  child.stderr.on('data', (text: Buffer) => said.push(text));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // Its own end is the news, not that it did not want the rest.
  pipeline(Readable.from(blob), child.stdin, () => {});
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    if ((await ended) === 0) return;
    throw invalidArgument(`archive is not valid ${program}: ${Buffer.concat(said).toString('utf8').trim()}`);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    const packaged = program === 'xz' ? 'xz-utils' : program;
    throw unavailable(`archive is compressed with ${program}, and there is no program ${program} here`, {
      cause: error,
      fix: `apt-get install ${packaged}`,
    });
  } finally {
    child.kill('SIGKILL');
    ended.catch(() => {}); // told above
  }
}

async function closed(file: ReadStream): Promise<void> {
  if (!file.closed) await new Promise<void>((resolve) => file.once('close', resolve));
}

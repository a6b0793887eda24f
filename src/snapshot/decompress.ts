// A layer blob as the bytes of its tar archive, whatever it was compressed with; the first bytes tell, not the media type.
// Runs in the daemon's unpack worker. RFC 1952 (gzip, several members), RFC 8878 (zstd, several frames).

import { createReadStream, type ReadStream } from 'node:fs';
import { pipeline, Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { invalidArgument, messageOf } from '../base/errors.ts';
import { zstdDecoder } from './zstd.ts';

const CHUNK = 256 * 1024;

export type Compression = 'gzip' | 'zstd' | 'none';

/** @throws invalidArgument for a format that the image specification does not have. */
export function compressionOf(start: Buffer): Compression {
  if (start[0] === 0x1f && start[1] === 0x8b) return 'gzip';
  if (start.length >= 4) {
    const magic = start.readUInt32LE(0);
    if (magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50) return 'zstd';
  }
  if (start.toString('latin1', 0, 3) === 'BZh') throw invalidArgument('layer is compressed with bzip2: not supported');
  if (start.toString('latin1', 0, 5) === '\xfd7zXZ')
    throw invalidArgument('layer is compressed with xz: not supported');
  return 'none';
}

/**
 * The archive's bytes. `onRead` is told how many bytes of the blob were read so far.
 * @throws invalidArgument when the blob is corrupt or cut short; the file system's error when it cannot be read.
 */
export async function* decompressed(path: string, onRead: (bytes: number) => void): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: CHUNK });
  try {
    yield* decompressedStream(file as AsyncIterable<Buffer>, onRead);
  } finally {
    file.destroy();
    await closed(file);
  }
}

/** As decompressed, of bytes that come from elsewhere. */
export async function* decompressedStream(
  archive: AsyncIterable<Uint8Array>,
  onRead: (bytes: number) => void = () => {},
): AsyncGenerator<Buffer> {
  const source = buffers(archive);
  const first = await enough(source);
  if (!first) return;
  const compression = compressionOf(first);
  const counted = count(first, source, onRead);
  if (compression === 'none') yield* counted;
  else yield* through(counted, compression);
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

async function closed(file: ReadStream): Promise<void> {
  if (!file.closed) await new Promise<void>((resolve) => file.once('close', resolve));
}

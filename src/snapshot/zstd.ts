// A zstd decoder as a stream: Node's own where it has one (22.15), else fzstd, in JavaScript. Headers of all frames and
// blocks are read first, so that a frame may not ask for more memory than zstd's own default allows.
// Runs in the daemon's unpack worker. RFC 8878, 3.1 "Frames".

import { Transform, type TransformCallback } from 'node:stream';
import * as zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import { invalidArgument } from '../base/errors.ts';

/** `zstd --long=27`: what decoders accept unasked. */
const MAX_WINDOW = 1 << 27;

/** A stream from zstd frames to their content; ends with an error when the last frame is incomplete. */
export function zstdDecoder(): Transform {
  const own = (zlib as { createZstdDecompress?: (options: object) => Transform }).createZstdDecompress;
  return own ? own({ chunkSize: 256 * 1024, highWaterMark: 1 << 20 }) : new ZstdTransform();
}

/** One frame is one decoder of fzstd; bytes between frames (skippable ones) never reach it. */
export class ZstdTransform extends Transform {
  #pending: Buffer = Buffer.alloc(0);
  #frame: Decompress | undefined;
  #wanted: 'frame' | 'block' | 'checksum' = 'frame';
  #skip = 0;
  #pass = 0;
  #last = false;
  #checksum = false;

  constructor() {
    super({ highWaterMark: 1 << 20 });
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      this.#take(chunk);
      done();
    } catch (error) {
      done(asInvalid(error));
    }
  }

  override _flush(done: TransformCallback): void {
    const whole = this.#wanted === 'frame' && this.#pending.length === 0 && this.#skip === 0 && this.#pass === 0;
    done(whole ? null : asInvalid(new Error('unexpected end of file')));
  }

  #take(chunk: Buffer): void {
    let data = this.#pending.length ? Buffer.concat([this.#pending, chunk]) : chunk;
    this.#pending = Buffer.alloc(0);
    while (data.length) {
      let used = Math.min(this.#skip || this.#pass, data.length);
      if (this.#skip) this.#skip -= used;
      else if (this.#pass) {
        this.#pass -= used;
        this.#frame!.push(data.subarray(0, used));
      } else {
        used = this.#header(data);
        if (used === 0) this.#pending = Buffer.from(data);
        if (used === 0) return;
      }
      data = data.subarray(used);
      if (this.#pass === 0 && this.#last) this.#endBlocks();
    }
  }

  #endBlocks(): void {
    this.#last = false;
    this.#frame = undefined;
    this.#wanted = this.#checksum ? 'checksum' : 'frame';
  }

  /** Reads one header and plans what follows it; 0 when `data` does not hold all of it. */
  #header(data: Buffer): number {
    if (this.#wanted === 'checksum') {
      if (data.length < 4) return 0;
      // The diffID tells more than this checksum.
      this.#wanted = 'frame';
      return 4;
    }
    if (this.#wanted === 'block') return this.#block(data);
    if (data.length < 8) return 0;
    const magic = data.readUInt32LE(0);
    if ((magic & 0xfffffff0) >>> 0 === 0x184d2a50) {
      this.#skip = data.readUInt32LE(4);
      return 8;
    }
    if (magic !== 0xfd2fb528) throw new Error('invalid zstd magic');
    return this.#frameHeader(data);
  }

  #frameHeader(data: Buffer): number {
    const descriptor = data[4]!;
    const single = (descriptor & 0x20) !== 0;
    const idBytes = [0, 1, 2, 4][descriptor & 3]!;
    const sizeFlag = descriptor >> 6;
    const sizeBytes = sizeFlag ? 1 << sizeFlag : single ? 1 : 0;
    const length = 5 + (single ? 0 : 1) + idBytes + sizeBytes;
    if (data.length < length) return 0;
    let window: number;
    if (single) {
      const at = length - sizeBytes;
      window = sizeBytes === 8 ? Number(data.readBigUInt64LE(at)) : data.readUIntLE(at, sizeBytes);
    } else {
      const base = 2 ** (10 + (data[5]! >> 3));
      window = base + (base / 8) * (data[5]! & 7);
    }
    if (window > MAX_WINDOW) throw new Error(`zstd frame asks for ${window} bytes of memory, more than ${MAX_WINDOW}`);
    this.#checksum = (descriptor & 4) !== 0;
    this.#frame = new Decompress((content) => {
      if (content.length) this.push(Buffer.from(content.buffer, content.byteOffset, content.byteLength));
    });
    this.#frame.push(data.subarray(0, length));
    this.#wanted = 'block';
    return length;
  }

  #block(data: Buffer): number {
    if (data.length < 3) return 0;
    const header = data.readUIntLE(0, 3);
    this.#last = (header & 1) !== 0;
    this.#pass = ((header >> 1) & 3) === 1 ? 1 : header >> 3;
    this.#frame!.push(data.subarray(0, 3));
    return 3;
  }
}

function asInvalid(error: unknown): Error {
  return Object.assign(invalidArgument(`layer is not valid zstd: ${(error as Error).message}`), { code: 'ZSTD_error' });
}

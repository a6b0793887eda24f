import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from 'vitest';
import { ZstdTransform } from '../../src/snapshot/zstd.ts';

// `zstd -19 --check` of text(), from a pipe: compressed blocks, a window, a checksum.
const COMPRESSED = Buffer.from(
  'KLUv/QRo1QQAUowaELCncAdpGAD2roiI1IU4MggAyc52vsSls0GaBV1anwjxcJgmfOs9RD4dKG0YtXnFSIyHaqP07hci88HixGnYZ0hmYri6seK/MRkZQh6pjuMOimYG0Veulj8qm2EUM1l5HmHhCDAEBIUBIWSoECDdHJAv7AYSSPDX////DilmbM3uAdEQZeG0nuoU7SjSC0gjjdnkBAogU7LhIiY=',
  'base64',
);
const MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const SKIPPABLE = Buffer.concat([Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 5, 0, 0, 0]), Buffer.from('skip!')]);

function text(): string {
  return Array.from({ length: 300 }, (_, i) => `line ${(i * 7919) % 100}\n`).join('');
}

/** A block as it is, or one byte repeated. */
function block(content: string, { last = false, repeated = 0 } = {}): Buffer {
  const header = Buffer.alloc(3);
  header.writeUIntLE(((repeated || content.length) << 3) | (repeated ? 2 : 0) | (last ? 1 : 0), 0, 3);
  return Buffer.concat([header, Buffer.from(content)]);
}

/** A frame without checksum, with a window of 1 KiB << exponent. */
function frame(exponent: number, ...blocks: Buffer[]): Buffer {
  return Buffer.concat([MAGIC, Buffer.from([0, exponent << 3]), ...blocks]);
}

async function decode(bytes: Buffer, size = bytes.length): Promise<string> {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  const out: Buffer[] = [];
  await pipeline(Readable.from(chunks), new ZstdTransform(), async (source: AsyncIterable<Buffer>) => {
    for await (const chunk of source) out.push(chunk);
  });
  return Buffer.concat(out).toString();
}

describe('zstd', () => {
  test.each([1, 2, 7, 100, 100_000])('is decoded when it comes in chunks of %i bytes', async (size) => {
    expect(await decode(COMPRESSED, size)).toBe(text());
  });

  test.each([1, 5, 1000])('several frames and skippable ones are one stream, in chunks of %i bytes', async (size) => {
    const own = frame(0, block('raw '), block('x', { repeated: 3 }), block('', { last: true }));
    const stream = Buffer.concat([SKIPPABLE, COMPRESSED, SKIPPABLE, own, COMPRESSED, SKIPPABLE]);
    expect(await decode(stream, size)).toBe(`${text()}raw xxx${text()}`);
  });

  test('a stream that is cut short at any byte is refused', async () => {
    const own = frame(0, block('raw'), block('', { last: true }));
    for (let length = 1; length < own.length; length++) {
      await expect(decode(own.subarray(0, length)), `${length} bytes`).rejects.toThrow(/zstd/);
    }
    await expect(decode(COMPRESSED.subarray(0, -1))).rejects.toThrow(/zstd/);
  });

  test('a frame that asks for more than 128 MiB of memory is refused before it is given any', async () => {
    await expect(decode(frame(18, block('x', { last: true })))).rejects.toThrow(/asks for 268435456 bytes/);
    // A single segment: its window is the size that it claims.
    const claims = Buffer.concat([MAGIC, Buffer.from([0xe0]), Buffer.alloc(8, 0x0f), block('x', { last: true })]);
    await expect(decode(claims)).rejects.toThrow(/asks for/);
  });

  test('what follows a frame and is no frame is refused', async () => {
    await expect(decode(Buffer.concat([COMPRESSED, Buffer.from('garbage!')]))).rejects.toThrow(/zstd/);
  });

  test('damaged blocks are refused, or decode to something else: never a hang or a crash', async () => {
    for (let at = 4; at < COMPRESSED.length; at++) {
      const damaged = Buffer.from(COMPRESSED);
      damaged[at]! ^= 1 << (at % 8);
      await decode(damaged).then(
        (decoded) => expect(typeof decoded).toBe('string'),
        (error: Error) => expect(error.message).toMatch(/zstd/),
      );
    }
  });
});

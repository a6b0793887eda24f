import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { digestOf, hexOf } from '../../src/base/digest.ts';
import { checkContent } from '../../src/content/check.ts';
import type { Source } from '../../src/content/ingest.ts';
import { ContentStore } from '../../src/content/store.ts';
import { scratch } from '../support/scratch.ts';

const bytes = randomBytes(300_000);
const digest = digestOf(bytes);
const size = bytes.length;

/** A source that gives `bytes` in chunks, and may fail after some of them. */
function source(content: Buffer, options: { failAfter?: number; resumes?: boolean; offsets?: number[] } = {}): Source {
  return (offset) => {
    options.offsets?.push(offset);
    const start = options.resumes === false ? 0 : offset;
    return Promise.resolve({
      offset: start,
      body: (function* () {
        for (let at = start; at < content.length; at += 10_000) {
          if (options.failAfter !== undefined && at >= options.failAfter) throw new Error('the line is cut');
          yield content.subarray(at, at + 10_000);
        }
      })(),
    });
  };
}

const files = (store: ContentStore) => ({
  blobs: readdirSync(join(store.directory, 'blobs/sha256')),
  ingest: readdirSync(join(store.directory, 'ingest')),
});

describe('ingest', () => {
  test('commits the bytes under their digest, and leaves nothing else', async () => {
    const store = new ContentStore(scratch());
    const seen: number[] = [];
    await store.ingest(source(bytes), { digest, size, progress: (n) => seen.push(n) });
    expect(store.has(digest)).toBe(true);
    expect(store.size(digest)).toBe(size);
    expect(store.read(digest).equals(bytes)).toBe(true);
    expect(store.list()).toEqual([digest]);
    expect(seen.at(-1)).toBe(size);
    expect(files(store)).toEqual({ blobs: [hexOf(digest)], ingest: [] });
  });

  test('a wrong byte is refused with both digests, and nothing is committed', async () => {
    const store = new ContentStore(scratch());
    const wrong = Buffer.from(bytes);
    wrong[150_000]! ^= 1;
    await expect(store.ingest(source(wrong), { digest, size })).rejects.toThrow(
      `blob verification failed: expected ${digest}, found ${digestOf(wrong)} (${size} bytes)`,
    );
    expect(files(store)).toEqual({ blobs: [], ingest: [] });
  });

  test('one byte too many is refused before it is written', async () => {
    const store = new ContentStore(scratch());
    const offsets: number[] = [];
    await expect(store.ingest(source(bytes, { offsets }), { digest, size: size - 1 })).rejects.toThrow('more than its');
    expect(files(store)).toEqual({ blobs: [], ingest: [] });
  });

  test('a body that ends early is an unexpected EOF, and the next try resumes it', async () => {
    const store = new ContentStore(scratch());
    await expect(store.ingest(source(bytes.subarray(0, 120_000)), { digest, size })).rejects.toThrow(
      `ended after 120000 of ${size} bytes`,
    );
    expect(files(store)).toEqual({ blobs: [], ingest: [hexOf(digest)] });
    const offsets: number[] = [];
    await store.ingest(source(bytes, { offsets }), { digest, size });
    expect(offsets).toEqual([120_000]);
    expect(store.read(digest).equals(bytes)).toBe(true);
  });

  test('a partial survives a restart of the daemon, and is continued where it stopped', async () => {
    const directory = scratch();
    const first = new ContentStore(directory);
    await expect(first.ingest(source(bytes, { failAfter: 100_000 }), { digest, size })).rejects.toThrow('cut');
    const offsets: number[] = [];
    const second = new ContentStore(directory);
    await second.ingest(source(bytes, { offsets }), { digest, size });
    expect(offsets).toEqual([100_000]);
    expect(second.read(digest).equals(bytes)).toBe(true);
  });

  test('a source that cannot resume is read from its start', async () => {
    const store = new ContentStore(scratch());
    await expect(store.ingest(source(bytes, { failAfter: 100_000 }), { digest, size })).rejects.toThrow('cut');
    await store.ingest(source(bytes, { resumes: false }), { digest, size });
    expect(store.read(digest).equals(bytes)).toBe(true);
  });

  test('a partial that rotted on disk is thrown away and fetched once more', async () => {
    const store = new ContentStore(scratch());
    writeFileSync(join(store.directory, 'ingest', hexOf(digest)), randomBytes(50_000));
    const offsets: number[] = [];
    await store.ingest(source(bytes, { offsets }), { digest, size });
    expect(offsets).toEqual([50_000, 0]);
    expect(store.read(digest).equals(bytes)).toBe(true);
  });

  test('concurrent ingests of one digest are one transfer', async () => {
    const store = new ContentStore(scratch());
    const offsets: number[] = [];
    await Promise.all([1, 2, 3, 4].map(() => store.ingest(source(bytes, { offsets }), { digest, size })));
    expect(offsets).toEqual([0]);
  });

  test('when the first of two transfers fails, the second takes over where it stopped', async () => {
    const store = new ContentStore(scratch());
    const offsets: number[] = [];
    const first = store.ingest(source(bytes, { failAfter: 50_000 }), { digest, size });
    const second = store.ingest(source(bytes, { offsets }), { digest, size });
    await expect(first).rejects.toThrow('cut');
    await second;
    expect(offsets).toEqual([50_000]);
    expect(store.has(digest)).toBe(true);
  });

  test('an abort while waiting for another transfer ends only the wait', async () => {
    const store = new ContentStore(scratch());
    let open = () => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    const slow: Source = async (offset) => {
      await gate;
      return { offset, body: [bytes] };
    };
    const first = store.ingest(slow, { digest, size });
    const abort = new AbortController();
    const second = store.ingest(source(bytes), { digest, size, signal: abort.signal });
    abort.abort(new Error('no more'));
    await expect(second).rejects.toThrow('no more');
    open();
    await first;
    expect(store.has(digest)).toBe(true);
  });

  test('a blob that is here already is not fetched', async () => {
    const store = new ContentStore(scratch());
    expect(await store.write(bytes)).toBe(digest);
    const offsets: number[] = [];
    await store.ingest(source(bytes, { offsets }), { digest, size });
    expect(offsets).toEqual([]);
  });
});

describe('the disk', () => {
  test('a full disk names the blob, the errno and what to do, and keeps nothing', async () => {
    const store = new ContentStore(scratch());
    const failing: Source = () =>
      Promise.resolve({
        offset: 0,
        body: (function* () {
          yield bytes.subarray(0, 1000);
        })(),
      });
    // /dev/full answers ENOSPC to every write, as a full disk does.
    const partial = join(store.directory, 'ingest', hexOf(digest));
    symlinkSync('/dev/full', partial);
    await expect(store.ingest(failing, { digest, size })).rejects.toMatchObject({
      kind: 'internal',
      message: `write blob ${digest}: ENOSPC: no space left on device`,
      fix: expect.stringContaining('df -h') as string,
    });
    expect(files(store)).toEqual({ blobs: [], ingest: [] });
  });

  test('a directory that cannot be made is refused with its name and a way out', () => {
    const directory = scratch();
    writeFileSync(join(directory, 'content'), '');
    expect(() => new ContentStore(join(directory, 'content'))).toThrow(
      `open content store ${join(directory, 'content')}`,
    );
  });

  test('what crashes leave in ingest/ is swept: strangers, old partials, partials of committed blobs', async () => {
    const directory = scratch();
    const store = new ContentStore(directory);
    await store.write(bytes);
    const fresh = digestOf('fresh');
    const old = digestOf('old');
    for (const name of ['stranger.tmp', hexOf(fresh), hexOf(old), hexOf(digest)])
      writeFileSync(join(directory, 'ingest', name), 'x');
    utimesSync(join(directory, 'ingest', hexOf(old)), 1000, 1000);
    const again = new ContentStore(directory);
    expect(files(again)).toEqual({ blobs: [hexOf(digest)], ingest: [hexOf(fresh)] });
  });
});

describe('a committed blob', () => {
  test('whose bytes changed is refused on read and named by check', async () => {
    const store = new ContentStore(scratch());
    await store.write(bytes);
    await store.write(Buffer.from('sound'));
    expect(await checkContent(store)).toEqual({ problems: [], checked: 2 });
    writeFileSync(store.path(digest), Buffer.concat([bytes.subarray(1), Buffer.from('x')]));
    const found = `sha256:${createHash('sha256')
      .update(readFileSync(store.path(digest)))
      .digest('hex')}`;
    expect(() => store.read(digest)).toThrow(`blob ${digest} is corrupt: its bytes are ${found}`);
    const { problems, checked } = await checkContent(store);
    expect(checked).toBe(2);
    expect(problems).toEqual([expect.stringContaining(`blob ${digest} is corrupt: its bytes are ${found}`)]);
  });

  test('is refused by read when it is larger than the reader allows', async () => {
    const store = new ContentStore(scratch());
    await store.write(bytes);
    expect(() => store.read(digest, 1000)).toThrow('the limit is 1000');
  });

  test('is gone after remove, and removing it again is no error', async () => {
    const store = new ContentStore(scratch());
    await store.write(bytes);
    store.remove(digest);
    store.remove(digest);
    expect(store.has(digest)).toBe(false);
    expect(existsSync(store.path(digest))).toBe(false);
    expect(() => store.read(digest)).toThrow(expect.objectContaining({ kind: 'notFound' }));
  });
});

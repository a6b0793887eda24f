import { createWriteStream, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { digestOf, type Digest } from '../../src/base/digest.ts';
import { Namespace, whyNot } from './namespace.ts';
import { header, member, paxRecord, sum, tar, type Member } from './tar-file.ts';

const reason = whyNot();

describe.skipIf(reason)(`a hostile layer${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let namespace: Namespace;
  let count = 0;
  let dir: string;
  let outside: string;
  beforeAll(async () => void (namespace = await Namespace.start({ worker: true })), 60_000);
  afterAll(() => namespace?.stop(), 60_000);
  beforeEach(async () => {
    dir = join(namespace.dir, `s${++count}`);
    outside = join(namespace.dir, `outside${count}`);
    await namespace.call('mkdir', outside, 0o777);
    await namespace.call('write', join(outside, 'victim'), 'untouched');
  });

  async function unpack(archive: Buffer, blob = archive, diffID = digestOf(archive)): Promise<Digest> {
    const path = join(namespace.dir, `blob${count}`);
    writeFileSync(path, blob);
    await namespace.call('snapshotter', dir, 'unpack', { path, diffID });
    return diffID;
  }

  async function tree(diffID: Digest) {
    const [layer] = (await namespace.call('snapshotter', dir, 'layers', [diffID])) as string[];
    return namespace.call('tree', layer!);
  }

  /** Nothing committed, nothing left over, nothing outside. */
  async function expectNothing(): Promise<void> {
    for (const part of ['layer', 'unpack', 'trash']) {
      expect(await namespace.call('readdir', join(dir, part))).toEqual([]);
    }
    await expectUntouched();
  }

  async function expectUntouched(): Promise<void> {
    expect(await namespace.call('readdir', outside)).toEqual(['victim']);
    expect(await namespace.call('read', join(outside, 'victim'))).toBe('untouched');
  }

  const up = '../'.repeat(30);

  test.each<[string, Member[], RegExp]>([
    ['`..` at the front', [{ name: '../evil' }], /climbs out/],
    ['`..` in the middle', [{ name: 'a/../../evil' }], /climbs out/],
    ['`..` behind an absolute name', [{ name: '/../evil' }], /climbs out/],
    ['`..` alone as a directory', [{ name: '..', type: '5' }], /climbs out/],
    ['`..` in a PAX path', [{ name: 'x', pax: { path: `${up}evil` } }], /climbs out/],
    ['a hard link that climbs out', [{ name: 'evil', type: '1', linkname: `${up}etc/passwd` }], /climbs out/],
    [
      'a hard link to what only the host has',
      [{ name: 'evil', type: '1', linkname: '/etc/passwd' }],
      /not in this layer/,
    ],
    ['a whiteout of `..`', [{ name: 'a/.wh...' }], /whiteout of no name/],
    ['a whiteout of `.`', [{ name: 'a/.wh..' }], /whiteout of no name/],
    ['a whiteout of nothing', [{ name: 'a/.wh.' }], /whiteout of no name/],
    ['a root that is a link', [{ name: './', type: '2', linkname: '/' }], /root of a layer/],
    ['a root that is a fifo', [{ name: '/', type: '6' }], /root of a layer/],
    ['a NUL in a PAX path', [{ name: 'x', pax: { path: 'a\0b' } }], /NUL/],
    ['a NUL in a PAX link', [{ name: 'x', type: '2', pax: { linkpath: 'a\0b' } }], /NUL/],
    ['a name of 256 bytes', [{ name: 'x', pax: { path: 'n'.repeat(256) } }], /ENAMETOOLONG/],
    ['a path of 5000 bytes', [{ name: 'x', pax: { path: 'ab/'.repeat(1700) } }], /too long/],
    ['an owner that has no id here', [{ name: 'x', uid: 65536 }], /owner 65536:0 has no id on this host/],
    ['a link that leads to itself as a parent', [{ name: 'l', type: '2', linkname: 'l' }, { name: 'l/x' }], /ELOOP/],
    ['a file as a parent', [{ name: 'f' }, { name: 'f/x' }], /something else/],
    [
      'a hard link to a directory',
      [
        { name: 'd/', type: '5' },
        { name: 'x', type: '1', linkname: 'd' },
      ],
      /EPERM/,
    ],
    ['an unknown type', [{ name: 'x', type: 'M' }], /unknown type/],
    ['an empty link', [{ name: 'x', type: '2' }], /valid target/],
  ])('%s is refused, by name, and nothing is committed', async (_title, members, message) => {
    await expect(unpack(tar(...members))).rejects.toMatchObject({ message: expect.stringMatching(message) as string });
    await expectNothing();
  });

  test('an absolute name stays in the layer', async () => {
    const found = await tree(await unpack(tar({ name: `${outside}/victim`, data: 'evil' })));
    expect(found[`${outside.slice(1)}/victim`]!.content).toBe('evil');
    await expectUntouched();
  });

  test('entries through a link to the host’s directories end inside the layer, or fail', async () => {
    for (const target of [outside, `${up}${outside.slice(1)}`, '/proc/self/cwd', '/proc/1/root']) {
      const link = { name: 'l', type: '2', pax: { linkpath: target } };
      const archive = tar(link, { name: 'l/victim', data: 'evil' }, { name: 'l/new' });
      await expect(unpack(archive)).rejects.toThrow();
      await expectNothing();
      const made = tar({ name: `${target.replaceAll('../', '')}/`, type: '5' }, link, {
        name: 'l/victim',
        data: 'evil',
      });
      await tree(await unpack(made));
      await expectUntouched();
      await namespace.call('snapshotter', dir, 'removeLayer', digestOf(made));
    }
  });

  test('a link that is swapped in under a later entry does not lead it out', async () => {
    const archive = tar(
      { name: 'd/', type: '5' },
      { name: 'd/first', data: '1' },
      { name: 'd', type: '2', linkname: outside },
      { name: 'd/victim', data: 'evil' },
    );
    await expect(unpack(archive)).rejects.toThrow(/something else|ENOENT/);
    await expectNothing();
  });

  test('a file is never written through a link of its name, nor through a hard link', async () => {
    const found = await tree(
      await unpack(
        tar(
          { name: 'victim', type: '2', linkname: join(outside, 'victim') },
          { name: 'victim', data: 'evil' },
          { name: 'a', data: 'a' },
          { name: 'b', type: '1', linkname: 'a' },
          { name: 'b', data: 'b' },
        ),
      ),
    );
    expect(found.victim).toMatchObject({ type: 'file', content: 'evil' });
    expect(found.a).toMatchObject({ content: 'a', nlink: 1 });
    await expectUntouched();
  });

  test('a hard link to a symbolic link links the link, not what it names', async () => {
    const found = await tree(
      await unpack(
        tar(
          { name: 'l', type: '2', linkname: join(outside, 'victim') },
          { name: 'h', type: '1', linkname: 'l' },
          { name: 'h', data: 'x' },
        ),
      ),
    );
    expect(found.l!.type).toBe('symlink');
    await expectUntouched();
  });

  test('mode, owner and time of a link do not reach what it names', async () => {
    const before = statSync(join(outside, 'victim'));
    await unpack(tar({ name: 'l', type: '2', linkname: join(outside, 'victim'), mode: 0o4777, uid: 5, mtime: 1 }));
    const after = statSync(join(outside, 'victim'));
    expect([after.mode, after.uid, after.mtimeMs]).toEqual([before.mode, before.uid, before.mtimeMs]);
  });

  test('orders to overlayfs do not reach the disk', async () => {
    const names = [
      'user.overlay.opaque',
      'user.overlay.redirect',
      'user.overlay.metacopy',
      'user.overlay.overlay.opaque',
      'trusted.overlay.opaque',
      'trusted.overlay.redirect',
      'security.selinux',
    ];
    const pax = Object.fromEntries(names.map((name) => [`SCHILY.xattr.${name}`, 'y']));
    const found = await tree(
      await unpack(tar({ name: 'd/', type: '5', pax }, { name: 'd/f', pax }, { name: './', type: '5', pax })),
    );
    for (const path of ['.', 'd', 'd/f']) expect(found[path]!.xattrs).toEqual({});
  });

  test('bytes of a whiteout, however many, are dropped', async () => {
    const found = await tree(
      await unpack(tar({ name: '.wh.x', data: Buffer.alloc(100_000, 1) }, { name: 'y', data: 'y' })),
    );
    expect(Object.keys(found)).toEqual(['.', 'x', 'y']);
  });

  const good = member({ name: 'good', data: 'x'.repeat(1000) });
  test('the padding of the last entry may be missing, as in contexts of docker’s CLI', async () => {
    expect(Object.keys(await tree(await unpack(good.subarray(0, 512 + 1000))))).toEqual(['.', 'good']);
  });
  test.each<[string, Buffer, RegExp]>([
    ['cut inside a header', Buffer.concat([good, header({ name: 'x' }).subarray(0, 100)]), /ends inside/],
    [
      'cut inside data',
      Buffer.concat([good, header({ name: 'x', size: 5000 }), Buffer.alloc(512)]),
      /ends inside entry "x"/,
    ],
    ['cut after an extended header', member({ name: 'p', type: 'x', data: paxRecord('path', 'y') }), /ends inside/],
    ['with a wrong checksum', Buffer.concat([good, flip(header({ name: 'x' }), 0)]), /checksum/],
    ['of no tar at all', Buffer.alloc(4096, 'no tar '), /checksum|octal/],
    ['with a size that is no number', sum(write(header({ name: 'x' }), 124, 'ninety bytes')), /octal/],
    ['with a negative size', sum(write(header({ name: 'x' }), 124, '\xff'.repeat(12))), /negative/],
    ['with a size of 2^80', sum(write(header({ name: 'x' }), 124, '\x80\xff'.padEnd(12, '\x01'))), /out of range/],
    ['with a header behind the end mark’s first block', Buffer.concat([good, Buffer.alloc(512), good]), /end mark/],
    [
      'with two extended headers for one entry',
      Buffer.concat([pax('path', 'a'), pax('path', 'b'), good]),
      /two extended/,
    ],
    [
      'with an extended header of 2 MiB',
      member({ name: 'p', type: 'x', data: Buffer.alloc(2 << 20, '1') }),
      /larger than/,
    ],
    ['with a long name of 2 MiB', member({ name: 'p', type: 'L', data: Buffer.alloc(2 << 20, 'n') }), /larger than/],
    [
      'with an extended header of 8 EiB',
      sum(write(header({ name: 'p', type: 'x' }), 124, '777777777777')),
      /larger than/,
    ],
    ['with a PAX record that is too long', member({ name: 'p', type: 'x', data: '999 path=x\n' }), /malformed PAX/],
    ['with a PAX record of length 0', member({ name: 'p', type: 'x', data: '0 path=x\n' }), /malformed PAX/],
    ['with a PAX record without a key', member({ name: 'p', type: 'x', data: '6 =ab\n' }), /malformed PAX/],
    ['with a PAX size that is no number', tar({ name: 'x', pax: { size: '1e9' } }), /not a number/],
    ['with a PAX time that is no time', tar({ name: 'x', pax: { mtime: 'soon' } }), /not a time/],
    ['with sparse segments that overlap', sparse('0,10,5,10', 20), /overlap/],
    ['with a sparse segment behind the end', sparse('0,10,90,10', 20, '50'), /behind the end/],
    ['with a sparse map of other length than its data', sparse('0,10,20,20', 20), /stored/],
    ['with half a sparse pair', sparse('0,10,5', 20), /odd number/],
  ])('an archive %s is refused', async (_title, archive, message) => {
    await expect(unpack(archive)).rejects.toMatchObject({
      kind: 'invalidArgument',
      message: expect.stringMatching(message) as string,
    });
    await expectNothing();
  });

  test('a sparse file of 8 EiB costs nothing: it is refused, or empty', async () => {
    const archive = sparse('0,20', 20, String(2 ** 53 - 1));
    await unpack(archive).catch(() => {});
    await expectUntouched();
  });

  test('a wrong byte is an error that names both diffIDs, and nothing is committed', async () => {
    const archive = tar({ name: 'f', data: 'right' });
    const expected = digestOf(tar({ name: 'f', data: 'other' }));
    await expect(unpack(archive, archive, expected)).rejects.toThrow(
      `diffID is ${digestOf(archive)}, expected ${expected}`,
    );
    await expectNothing();
  });

  test('bytes behind the end mark count for the diffID', async () => {
    const archive = tar({ name: 'f' });
    await expect(unpack(archive, Buffer.concat([archive, Buffer.from('more')]))).rejects.toThrow(/diffID is/);
    await expectNothing();
  });

  test.each([
    ['cut short', (blob: Buffer) => blob.subarray(0, blob.length - 20)],
    ['damaged', (blob: Buffer) => flip(blob, blob.length >> 1)],
  ])('a gzip stream that is %s is refused', async (_title, damage) => {
    const archive = tar({ name: 'f', data: createHash('sha512').update('x').digest('hex').repeat(1000) });
    await expect(unpack(archive, damage(gzipSync(archive)))).rejects.toThrow(/gzip|diffID|tar/);
    await expectNothing();
  });

  test('bzip2 and xz are named as not supported', async () => {
    await expect(unpack(tar(), Buffer.from('BZh91AY&SY'))).rejects.toThrow(/bzip2/);
    await expect(unpack(tar(), Buffer.from('\xfd7zXZ\0', 'latin1'))).rejects.toThrow(/xz/);
  });

  test('1 GB of zeros in 1 MB passes through a worker of constant memory', async () => {
    const size = 1 << 30;
    const path = join(namespace.dir, 'bomb');
    const zeros = Array<Buffer>(size >> 20).fill(Buffer.alloc(1 << 20));
    const { diffID } = await writeGzip(path, [header({ name: 'zeros', size }), ...zeros, Buffer.alloc(1024)]);
    expect(statSync(path).size).toBeLessThan(2 << 20);
    const before = await namespace.call('memory');
    await namespace.call('snapshotter', dir, 'unpack', { path, diffID });
    const after = await namespace.call('memory');
    expect(after.peakKb - before.peakKb).toBeLessThan(200 * 1024);
    expect((await tree(diffID)).zeros!.size).toBe(size);
    await namespace.call('snapshotter', dir, 'removeLayer', diffID);
  }, 120_000);

  test('a million entries exhaust neither memory nor descriptors, and can be given up', async () => {
    const path = join(namespace.dir, 'million');
    // A thousand entries a thousand times, most of them devices: what counts is the reading, not the disk.
    const entries = Array.from({ length: 1000 }, (_, i) =>
      header({ name: `d${Math.floor(i / 100)}/${'./'.repeat(i % 30)}e${i}`, type: i % 10 ? '3' : '5' }),
    );
    const thousand = Buffer.concat(entries);
    const { diffID } = await writeGzip(path, [...Array<Buffer>(1000).fill(thousand), Buffer.alloc(1024)]);
    const target = dir;
    const before = { ...(await namespace.call('memory')), fds: await namespace.call('descriptors') };
    await expect(namespace.call('unpackAndAbort', target, path, diffID)).rejects.toMatchObject({ name: 'AbortError' });
    await namespace.call('snapshotter', target, 'unpack', { path, diffID });
    const after = await namespace.call('memory');
    expect(after.peakKb - before.peakKb).toBeLessThan(200 * 1024);
    expect(Object.keys(await tree(diffID))).toHaveLength(1 + 10 + 100);
    expect(await namespace.call('descriptors')).toBeLessThanOrEqual(before.fds + 24);
    await expectUntouched();
  }, 300_000);

  test('a hundred refused layers leave no descriptor behind', async () => {
    const archive = tar({ name: 'a/b/c', data: 'x' }, { name: 'f', data: 'x' }, { name: '../evil' });
    await expect(unpack(archive)).rejects.toThrow();
    const before = await namespace.call('descriptors');
    for (let i = 0; i < 100; i++) await expect(unpack(archive)).rejects.toThrow();
    expect(await namespace.call('descriptors')).toBeLessThanOrEqual(before + 1);
    await expectNothing();
  });

  test('directories nested through links deeper than any path are removed again', async () => {
    const deep = 'd/'.repeat(600);
    const members: Member[] = [{ name: 'x', type: '5', pax: { path: deep } }];
    for (let i = 0; i < 3; i++) {
      members.push({ name: `l${i}`, type: '2', pax: { linkpath: `${i ? `l${i - 1}/` : ''}${deep}` } });
      members.push({ name: 'x', type: '5', pax: { path: `l${i}/${deep}` } });
    }
    const diffID = await unpack(tar(...members));
    await namespace.call('snapshotter', dir, 'removeLayer', diffID);
    await expectNothing();
  }, 120_000);
});

function write(block: Buffer, at: number, text: string): Buffer {
  block.write(text, at, 'latin1');
  return block;
}

function flip(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 0x55;
  return copy;
}

function pax(key: string, value: string): Buffer {
  return member({ name: 'p', type: 'x', data: paxRecord(key, value) });
}

/** A file in PAX sparse format 0.1. */
function sparse(map: string, stored: number, realSize = '1000'): Buffer {
  return tar({
    name: 'sparse',
    data: Buffer.alloc(stored, 's'),
    pax: { 'GNU.sparse.size': realSize, 'GNU.sparse.numblocks': '2', 'GNU.sparse.map': map },
  });
}

async function writeGzip(path: string, parts: Buffer[]): Promise<{ diffID: Digest }> {
  const hash = createHash('sha256');
  function* bytes() {
    for (const part of parts) {
      hash.update(part);
      yield part;
    }
  }
  await pipeline(Readable.from(bytes()), createGzip({ level: 6 }), createWriteStream(path));
  return { diffID: `sha256:${hash.digest('hex')}` };
}

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/base/digest.ts';
import type { Node } from './driver.ts';
import { Namespace, whyNot } from './namespace.ts';
import { paxRecord, tar, type Member } from './tar-file.ts';

const reason = whyNot();

describe.skipIf(reason)(`a layer in its directory${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let namespace: Namespace;
  let count = 0;
  beforeAll(async () => void (namespace = await Namespace.start()), 60_000);
  afterAll(() => namespace?.stop(), 60_000);

  /** Unpacks an archive, as it is or compressed, and returns the layer's tree. */
  async function unpacked(archive: Buffer, blob = archive): Promise<Record<string, Node>> {
    const dir = join(namespace.dir, `s${++count}`);
    const path = join(namespace.dir, `blob${count}`);
    writeFileSync(path, blob);
    const diffID = digestOf(archive);
    await namespace.call('snapshotter', dir, 'unpack', { path, diffID });
    const [layer] = (await namespace.call('snapshotter', dir, 'layers', [diffID])) as string[];
    return namespace.call('tree', layer!);
  }

  /** An archive that GNU tar made of a directory that `fill` filled. */
  function gnuTar(fill: (dir: string) => void, ...options: string[]): Buffer {
    const dir = mkdtempSync(join(tmpdir(), 'punnet-source-'));
    try {
      fill(dir);
      return execFileSync('tar', ['-C', dir, '-c', ...options, '.'], { maxBuffer: 1 << 28 });
    } finally {
      rmSync(dir, { recursive: true });
    }
  }

  test('files, directories, links and fifos have mode, owner, time and content of the archive', async () => {
    const tree = await unpacked(
      tar(
        { name: './', type: '5', mode: 0o751, uid: 3, gid: 4, mtime: 1_500_000_000 },
        { name: 'dir/', type: '5', mode: 0o1777, uid: 1000, gid: 1001, mtime: 1_500_000_001 },
        { name: 'dir/file', mode: 0o640, uid: 7, gid: 8, data: 'content', mtime: 1_500_000_002 },
        { name: 'dir/link', type: '2', linkname: '/etc/passwd', mode: 0o777, uid: 9, gid: 10, mtime: 1_500_000_003 },
        { name: 'dir/hard', type: '1', linkname: 'dir/file' },
        { name: 'dir/fifo', type: '6', mode: 0o622, uid: 11, mtime: 1_500_000_004 },
        { name: 'none', mode: 0 },
      ),
    );
    const second = 1_000_000_000n;
    expect(tree['.']).toMatchObject({ mode: '751', owner: '3:4', mtimeNs: 1_500_000_000n * second });
    expect(tree.dir).toMatchObject({
      type: 'directory',
      mode: '1777',
      owner: '1000:1001',
      mtimeNs: 1_500_000_001n * second,
    });
    expect(tree['dir/file']).toMatchObject({ mode: '640', owner: '7:8', content: 'content', nlink: 2 });
    expect(tree['dir/file']).toMatchObject({ mtimeNs: 1_500_000_002n * second });
    expect(tree['dir/hard']!.ino).toBe(tree['dir/file']!.ino);
    expect(tree['dir/link']).toMatchObject({ type: 'symlink', link: '/etc/passwd', owner: '9:10' });
    expect(tree['dir/link']!.mtimeNs).toBe(1_500_000_003n * second);
    expect(tree['dir/fifo']).toMatchObject({ type: 'fifo', mode: '622', owner: '11:0' });
    expect(tree.none).toMatchObject({ mode: '0' });
  });

  test('setuid and setgid bits and file capabilities survive the writing of data', async () => {
    const cap = Buffer.from('0100000200200000000000000000000000000000', 'hex');
    const tree = await unpacked(
      tar(
        { name: 'suid', mode: 0o4755, uid: 5, gid: 6, data: 'x' },
        { name: 'sgid', mode: 0o2755, data: 'x' },
        { name: 'ping', mode: 0o755, uid: 2, data: 'x', pax: { 'SCHILY.xattr.security.capability': cap } },
      ),
    );
    expect(tree.suid).toMatchObject({ mode: '4755', owner: '5:6' });
    expect(tree.sgid).toMatchObject({ mode: '2755' });
    // Read back in the namespace whose root it names, the kernel shows revision 2.
    expect(tree.ping!.xattrs['security.capability']).toBe(cap.toString('hex'));
  });

  test('file capabilities of revision 3 lose the root of the machine that built the image', async () => {
    const v3 = Buffer.from(`0100000300200000000000000000000000000000${'e8030000'}`, 'hex');
    const tree = await unpacked(tar({ name: 'f', pax: { 'SCHILY.xattr.security.capability': v3 } }));
    expect(tree.f!.xattrs['security.capability']).toBe('0100000200200000000000000000000000000000');
  });

  test('user attributes with any bytes in them are kept', async () => {
    const value = Buffer.from('a\nb\0c=d\xff', 'latin1');
    const tree = await unpacked(tar({ name: 'f', pax: { 'SCHILY.xattr.user.any': value } }));
    expect(tree.f!.xattrs).toEqual({ 'user.any': value.toString('hex') });
  });

  test('nanoseconds and times before 1970 are kept', async () => {
    const tree = await unpacked(
      tar({ name: 'a', pax: { mtime: '1600000000.123456789' } }, { name: 'b', pax: { mtime: '-1.5' } }),
    );
    expect(tree.a!.mtimeNs).toBe(1_600_000_000_123_456_789n);
    expect(tree.b!.mtimeNs).toBe(-1_500_000_000n);
  });

  test('a directory keeps its time though it is filled afterwards, and among a thousand others', async () => {
    const members: Member[] = [];
    for (let i = 0; i < 300; i++) members.push({ name: `d${i}/`, type: '5', mtime: 1_000_000 + i });
    for (let i = 0; i < 300; i++) members.push({ name: `d${i}/f`, data: 'x' }, { name: `d${(i * 7) % 300}/g${i}` });
    const tree = await unpacked(tar(...members));
    for (let i = 0; i < 300; i++) expect(tree[`d${i}`]!.mtimeNs).toBe(BigInt(1_000_000 + i) * 1_000_000_000n);
  });

  test('parents that the archive leaves out are made, 0755 and root’s', async () => {
    const tree = await unpacked(tar({ name: 'a/b/c/file', data: 'x' }));
    for (const path of ['a', 'a/b', 'a/b/c']) expect(tree[path]).toMatchObject({ mode: '755', owner: '0:0' });
    expect(tree['a/b/c/file']!.content).toBe('x');
  });

  test('the same name twice: the later entry wins, of whatever type', async () => {
    const tree = await unpacked(
      tar(
        { name: 'a', data: 'first' },
        { name: 'keep', type: '1', linkname: 'a' },
        { name: 'a', data: 'second' },
        { name: 'd/x/y', data: 'gone' },
        { name: 'd', data: 'now a file' },
        { name: 'f', data: 'file' },
        { name: 'f/', type: '5' },
        { name: 'f/in', data: 'in' },
        { name: 'e/', type: '5', mode: 0o700 },
        { name: 'e/stays', data: 's' },
        { name: 'e/', type: '5', mode: 0o755 },
        { name: 'l', type: '2', linkname: 'e' },
        { name: 'l', data: 'no link' },
      ),
    );
    expect(tree.a!.content).toBe('second');
    expect(tree.keep!.content).toBe('first');
    expect(tree.d!.content).toBe('now a file');
    expect(tree['f/in']!.content).toBe('in');
    expect(tree['e/stays']!.content).toBe('s');
    expect(tree.e!.mode).toBe('755');
    expect(tree.l!.content).toBe('no link');
  });

  test('an entry below a link of the same layer goes where the link leads, inside the layer', async () => {
    const tree = await unpacked(
      tar(
        { name: 'usr/bin/', type: '5' },
        { name: 'bin', type: '2', linkname: 'usr/bin' },
        { name: 'sbin', type: '2', linkname: '/usr/bin' },
        { name: 'bin/sh', data: 'sh' },
        { name: 'sbin/init', data: 'init' },
      ),
    );
    expect(tree['usr/bin/sh']!.content).toBe('sh');
    expect(tree['usr/bin/init']!.content).toBe('init');
    expect(tree.bin!.type).toBe('symlink');
  });

  test('a whiteout becomes overlay’s, an opaque mark its attribute', async () => {
    const tree = await unpacked(
      tar(
        { name: 'etc/.wh.gone' },
        { name: 'var/', type: '5' },
        { name: 'var/.wh..wh..opq' },
        { name: '.wh..wh.plnk', type: '5' },
      ),
    );
    expect(tree['etc/gone']).toMatchObject({ type: 'device', rdev: '0' });
    expect(tree['etc/.wh.gone']).toBeUndefined();
    expect(tree.var!.xattrs).toEqual({ 'user.overlay.opaque': '79' });
    expect(Object.keys(tree).sort()).toEqual(['.', 'etc', 'etc/gone', 'var']);
  });

  test('a whiteout hides only what is below, whichever comes first', async () => {
    const tree = await unpacked(
      tar(
        { name: '.wh.a' },
        { name: 'a', data: 'new' },
        { name: 'b', data: 'new' },
        { name: '.wh.b' },
        { name: '.wh.c' },
        { name: 'c/', type: '5' },
        { name: 'd/in', data: 'd' },
        { name: '.wh.d' },
        { name: '.wh.e' },
        { name: 'e/implied', data: 'e' },
      ),
    );
    expect(tree.a!.content).toBe('new');
    expect(tree.b!.content).toBe('new');
    for (const name of ['c', 'd', 'e'])
      expect(tree[name]).toMatchObject({ type: 'directory', xattrs: { 'user.overlay.opaque': '79' } });
    expect(tree['e/implied']!.content).toBe('e');
  });

  test('device nodes are left out, as rootless Docker does', async () => {
    const tree = await unpacked(
      tar({ name: 'dev/null', type: '3' }, { name: 'dev/sda', type: '4' }, { name: 'dev/x', data: 'x' }),
    );
    expect(Object.keys(tree)).toEqual(['.', 'dev', 'dev/x']);
  });

  test('names are bytes: not UTF-8, newlines, spaces, quotes, 255 bytes', async () => {
    const names = ['\xff\xfe', '\xc3\xa4', 'a\nb', ' ', '"\\', 'n'.repeat(255), '-rf', '\x7f\x01'];
    const tree = await unpacked(
      tar(
        ...names.map((name) => ({
          name: 'x',
          data: Buffer.from(name, 'latin1'),
          pax: { path: Buffer.from(name, 'latin1') },
        })),
      ),
    );
    for (const name of names.filter((n) => n.length < 100)) expect(tree[name]!.content).toBe(name);
    expect(Object.keys(tree)).toHaveLength(names.length + 1);
  });

  test.each(['gnu', 'pax', 'ustar', 'v7', 'oldgnu'])('what GNU tar writes as %s is read back whole', async (format) => {
    const long = 'long-name-'.repeat(format === 'v7' || format === 'ustar' ? 5 : 24);
    const archive = gnuTar(
      (dir) => {
        mkdirSync(join(dir, 'sub'));
        writeFileSync(join(dir, 'sub', long), 'long');
        writeFileSync(join(dir, 'empty'), '');
        writeFileSync(join(dir, 'big'), Buffer.alloc(1_000_001, 'b'));
        chmodSync(join(dir, 'big'), 0o444);
      },
      `--format=${format}`,
      '--owner=5',
      '--group=6',
    );
    const tree = await unpacked(archive);
    expect(tree[`sub/${long}`]!.content).toBe('long');
    expect(tree.empty).toMatchObject({ size: 0, owner: '5:6' });
    expect(tree.big).toMatchObject({ size: 1_000_001, mode: '444' });
  });

  test.each([
    ['gnu', []],
    ['pax', ['--sparse-version=0.0']],
    ['pax', ['--sparse-version=0.1']],
    ['pax', ['--sparse-version=1.0']],
  ])('a sparse file in format %s %s keeps its content and its holes', async (format, more) => {
    const archive = gnuTar(
      (dir) => {
        const path = join(dir, 'sparse');
        for (let i = 0; i < 60; i++) {
          execFileSync('dd', [
            'if=/dev/zero',
            `of=${path}`,
            'bs=1',
            'count=0',
            `seek=${(i + 1) * 65536}`,
            'status=none',
          ]);
          writeFileSync(path, `piece ${i}`, { flag: 'a' });
        }
        execFileSync('truncate', ['-s', '10M', path]);
      },
      '--sparse',
      '--hole-detection=seek',
      `--format=${format}`,
      ...more,
    );
    expect(archive.length).toBeLessThan(1_000_000);
    const tree = await unpacked(archive);
    expect(tree.sparse!.size).toBe(10 * 1024 * 1024);
    const [layer] = (await namespace.call('snapshotter', join(namespace.dir, `s${count}`), 'layers', [
      digestOf(archive),
    ])) as string[];
    const content = await namespace.call('read', join(layer!, 'sparse'));
    for (let i = 0; i < 60; i++) expect(content.substr((i + 1) * 65536, `piece ${i}`.length)).toBe(`piece ${i}`);
    expect(content.replaceAll(/piece \d+/g, '').replaceAll('\0', '')).toBe('');
  });

  test('a global extended header (git archive) changes nothing', async () => {
    const tree = await unpacked(
      tar({ name: 'pax_global_header', type: 'g', data: paxRecord('path', 'evil') }, { name: 'f', data: 'x' }),
    );
    expect(Object.keys(tree)).toEqual(['.', 'f']);
  });

  test.each([
    ['gzip', (archive: Buffer) => gzipSync(archive)],
    [
      'gzip in several members',
      (archive: Buffer) => Buffer.concat([gzipSync(archive.subarray(0, 700)), gzipSync(archive.subarray(700))]),
    ],
    ['zstd', zstdStored],
    ['no compression', (archive: Buffer) => archive],
  ])('%s is recognised by its bytes', async (_name, compress) => {
    const archive = tar({ name: 'f', data: 'x'.repeat(5000) });
    const tree = await unpacked(archive, compress(archive));
    expect(tree.f!.size).toBe(5000);
  });

  test('an empty layer is an empty directory, with and without an end mark', async () => {
    expect(Object.keys(await unpacked(Buffer.alloc(1024), gzipSync(Buffer.alloc(1024))))).toEqual(['.']);
    expect(Object.keys(await unpacked(Buffer.alloc(0), gzipSync(Buffer.alloc(0))))).toEqual(['.']);
  });
});

/** A zstd frame of one block that is stored as it is; RFC 8878. */
function zstdStored(archive: Buffer): Buffer {
  const start = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3, 0, 0, 0]);
  start.writeUIntLE((archive.length << 3) | 1, 6, 3);
  return Buffer.concat([start, archive]);
}

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { digestOf, type Digest } from '../../src/base/digest.ts';
import type { InitEntry } from '../../src/snapshot/init-layers.ts';
import type { Mount } from '../../src/base/mount.ts';
import type { Change } from '../../src/snapshot/changes.ts';
import type { LayerArchive } from '../../src/snapshot/layer-archive.ts';
import type { Entry, TarSink } from '../../src/snapshot/tar/entry.ts';
import { TarReader } from '../../src/snapshot/tar/reader.ts';
import type { Node } from './driver.ts';
import { Namespace, whyNot } from './namespace.ts';
import { tar, type Member } from './tar-file.ts';

const reason = whyNot();

describe.skipIf(reason)(`what a container changed${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let namespace: Namespace;
  let count = 0;
  let dir: string;
  beforeAll(async () => void (namespace = await Namespace.start({ worker: true })), 60_000);
  afterAll(() => namespace?.stop(), 60_000);
  beforeEach(() => void (dir = join(namespace.dir, `s${++count}`)));

  function call<T>(method: string, ...args: unknown[]): Promise<T> {
    return namespace.call('snapshotter', dir, method, ...args) as Promise<T>;
  }

  async function layer(...members: Member[]): Promise<Digest> {
    const archive = tar(...members);
    const diffID = digestOf(archive);
    const path = join(namespace.dir, diffID.slice(7));
    writeFileSync(path, archive);
    await call('unpack', { path, diffID });
    return diffID;
  }

  /** Runs a script in a container's root over one layer; returns the archive of what it changed. */
  async function changed(
    key: string,
    below: Member[],
    script: string,
    init: InitEntry[] = [],
  ): Promise<{ stack: Digest[]; made: LayerArchive; path: string }> {
    const stack = [await layer(...below)];
    await call('prepare', key, stack, { init });
    const [mount] = await call<Mount[]>('mounts', key);
    await namespace.call('mount', mount as Required<Mount>);
    await namespace.call('shell', mount!.target, script);
    await namespace.call('umount', mount!.target);
    const path = join(namespace.dir, `archive-${count}`);
    return { stack, made: await call<LayerArchive>('archive', key, path), path };
  }

  /** How a container over these layers sees its root. */
  async function seen(key: string, stack: Digest[]): Promise<Record<string, Node>> {
    await call('prepare', key, stack);
    const [mount] = await call<Mount[]>('mounts', key);
    await namespace.call('mount', mount as Required<Mount>);
    const tree = await namespace.call('tree', mount!.target);
    await namespace.call('umount', mount!.target);
    return tree;
  }

  const MOUNT_POINTS: InitEntry[] = [
    { path: '/proc', type: 'directory' },
    { path: '/etc/hosts', type: 'file' },
  ];

  const image: Member[] = [
    { name: 'etc/', type: '5', mode: 0o755 },
    { name: 'etc/passwd', data: 'root' },
    { name: 'etc/removed', data: 'x' },
    { name: 'dir/', type: '5', mode: 0o755 },
    { name: 'dir/old', data: 'old' },
    { name: 'gone/', type: '5', mode: 0o755 },
    { name: 'gone/inside', data: 'inside' },
    { name: 'again/', type: '5', mode: 0o755 },
    { name: 'again/old', data: 'old' },
    { name: 'kept', data: 'kept' },
  ];

  const script = `
    echo changed > etc/passwd; rm etc/removed; rm -r gone; rm -r again; mkdir again; echo new > again/new
    mkdir -m 1777 new; echo text > new/file; ln new/file new/hard; ln -s /etc/passwd new/link; mkfifo new/fifo
    chown 5:6 new/file; chmod 4755 new/file; chmod 700 dir
    printf x > "new/$(printf 'n%.0s' $(seq 150))"; printf y > "$(printf 'b\\377')"`;

  /** Without what a copy may not keep: inodes, and fractions of a second. */
  function comparable(tree: Record<string, Node>): unknown {
    return Object.fromEntries(
      Object.entries(tree).map(([path, { type, mode, owner, size, mtimeNs, nlink, link, xattrs, content }]) => [
        path,
        {
          ...{ type, mode, owner, nlink, link, content },
          seconds: mtimeNs / 1_000_000_000n,
          size: type === 'directory' ? 0 : size,
          xattrs: withoutMarks(xattrs),
        },
      ]),
    );
  }

  const withoutMarks = (xattrs: Record<string, string>) =>
    Object.fromEntries(Object.entries(xattrs).filter(([name]) => !name.startsWith('user.overlay.')));

  test('unpacked over the same layers, the archive makes the same root', async () => {
    const { stack, made, path } = await changed('c1', image, script);
    const [mount] = await call<Mount[]>('mounts', 'c1');
    await namespace.call('mount', mount as Required<Mount>);
    const before = await namespace.call('tree', mount!.target);
    await namespace.call('umount', mount!.target);
    await call('unpack', { path, diffID: made.diffID });
    const after = await seen('c2', [...stack, made.diffID]);
    expect(comparable(after)).toEqual(comparable(before));
  });

  test('committed, the upper directory itself is the layer, and its snapshot is gone', async () => {
    const { stack, made } = await changed('c1', image, script);
    await call('commit', 'c1', made);
    expect(await call('listActive')).toEqual([]);
    const tree = await seen('c2', [...stack, made.diffID]);
    expect(Object.keys(tree)).toEqual(
      expect.arrayContaining(['again/new', 'dir/old', 'etc/passwd', 'kept', 'new/hard', 'new/link']),
    );
    for (const path of ['gone', 'again/old', 'etc/removed']) expect(tree[path], path).toBeUndefined();
    expect(tree['new/file']).toMatchObject({ owner: '5:6', nlink: 2 });
  });

  test('the archive says what an image needs, and nothing of overlayfs', async () => {
    const { made, path } = await changed('c1', image, script);
    const archive = await namespace.call('read', path);
    expect(digestOf(Buffer.from(archive, 'latin1'))).toBe(made.diffID);
    const entries = entriesOf(Buffer.from(archive, 'latin1'));
    expect(entries.map(({ name }) => name)).toEqual([
      'again/',
      'again/.wh..wh..opq',
      'again/new',
      'b\xff',
      'dir/',
      'etc/',
      'etc/passwd',
      'etc/.wh.removed',
      '.wh.gone',
      'new/',
      'new/fifo',
      'new/file',
      'new/hard',
      'new/link',
      `new/${'n'.repeat(150)}`,
    ]);
    expect(made.entries).toBe(entries.length);
    expect(entries.flatMap(({ xattrs }) => [...xattrs.keys()])).toEqual([]);
    expect(entries.find(({ name }) => name === 'new/hard')).toMatchObject({ type: 'link', linkname: 'new/file' });
    expect(entries.find(({ name }) => name === 'new/file')).toMatchObject({ mode: 0o4755, uid: 5, gid: 6 });
    expect(entries.every(({ mtimeNs }) => mtimeNs % 1_000_000_000n === 0n)).toBe(true);
  });

  test('extended attributes and file capabilities are in the archive', async () => {
    const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
    const members: Member[] = [
      {
        name: 'file',
        data: 'x',
        pax: { 'SCHILY.xattr.user.note': 'n', 'SCHILY.xattr.security.capability': capability },
      },
    ];
    const { made, path } = await changed('c1', members, 'mv file renamed');
    expect(made.entries).toBe(2);
    const archive = entriesOf(Buffer.from(await namespace.call('read', path), 'latin1'));
    const { xattrs } = archive.find(({ name }) => name === 'renamed')!;
    expect(xattrs.get('user.note')?.toString()).toBe('n');
    expect(xattrs.get('security.capability')?.toString('hex')).toBe(capability.toString('hex'));
  });

  test('a container that changed nothing has an empty archive, though it has mount points that its image lacks', async () => {
    const { made } = await changed('c1', image, 'test -d proc && test -f etc/hosts', MOUNT_POINTS);
    expect(made).toMatchObject({ entries: 0, size: 1024 });
    expect(await call('changes', 'c1')).toEqual([]);
  });

  test('what a container does to a mount point that its image lacks is told as a change of something that was there', async () => {
    await changed('c1', image, 'chmod 700 proc; rm etc/hosts', MOUNT_POINTS);
    const changes = await call<Change[]>('changes', 'c1');
    expect(changes.map(({ path, kind }) => `${'CAD'[kind]} ${path}`)).toEqual(['C /etc', 'D /etc/hosts', 'C /proc']);
  });

  test('changes are told as Docker tells them: added, modified, deleted, and directories around them', async () => {
    await changed('c1', image, `${script}; touch -d @1600000000 kept; chmod 644 kept`);
    const changes = await call<Change[]>('changes', 'c1');
    expect(changes.map(({ path, kind }) => `${'CAD'[kind]} ${path}`)).toEqual([
      'C /again',
      'A /again/new',
      'D /again/old',
      'A /b\xff',
      'C /dir',
      'C /etc',
      'C /etc/passwd',
      'D /etc/removed',
      'D /gone',
      'A /new',
      'A /new/fifo',
      'A /new/file',
      'A /new/hard',
      'A /new/link',
      `A /new/${'n'.repeat(150)}`,
    ]);
  });

  test('a container that nests deeper than a path is long is refused, not followed', async () => {
    const stack = [await layer({ name: 'a', data: 'a' })];
    await call('prepare', 'c1', stack);
    await namespace.call('nest', await call<string>('upper', 'c1'), 700);
    await expect(call('archive', 'c1', join(namespace.dir, `deep-${count}`))).rejects.toThrow('the name is too long');
    await call('removeActive', 'c1');
  });
});

function entriesOf(archive: Buffer): Entry[] {
  const entries: Entry[] = [];
  const sink: TarSink = { entry: (entry) => void entries.push(entry), data: () => {}, fileEnd: () => {} };
  const reader = new TarReader(sink);
  reader.write(archive);
  reader.end();
  return entries;
}

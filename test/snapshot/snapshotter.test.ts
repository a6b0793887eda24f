import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { digestOf, type Digest } from '../../src/base/digest.ts';
import type { Mount } from '../../src/base/mount.ts';
import type { Layer } from '../../src/snapshot/layers.ts';
import type { Problem } from '../../src/snapshot/snapshotter.ts';
import { Namespace, whyNot } from './namespace.ts';
import { tar, type Member } from './tar-file.ts';

const reason = whyNot();

describe.skipIf(reason)(`a snapshotter${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let namespace: Namespace;
  let count = 0;
  let dir: string;
  beforeAll(async () => void (namespace = await Namespace.start({ worker: true })), 60_000);
  afterAll(() => namespace?.stop(), 60_000);
  beforeEach(() => void (dir = join(namespace.dir, `s${++count}`)));

  function call<T>(method: string, ...args: unknown[]): Promise<T> {
    return namespace.call('snapshotter', dir, method, ...args) as Promise<T>;
  }

  function blob(...members: Member[]): { path: string; diffID: Digest } {
    const archive = tar(...members);
    const diffID = digestOf(archive);
    const path = join(namespace.dir, diffID.slice(7));
    writeFileSync(path, archive);
    return { path, diffID };
  }

  async function layer(...members: Member[]): Promise<Digest> {
    const made = blob(...members);
    await call('unpack', made);
    return made.diffID;
  }

  async function mounted(key: string): Promise<string> {
    const target = join(dir, `mounted-${++count}`);
    await namespace.call('mkdir', target, 0o700);
    const [mount] = await call<Mount[]>('mounts', key, { target });
    await namespace.call('mount', mount as Required<Mount>);
    return mount!.target;
  }

  test('layers are stacked: upper files hide, whiteouts and opaque directories remove', async () => {
    const stack = [
      await layer(
        { name: './', type: '5', mode: 0o751, uid: 3, gid: 4 },
        { name: 'a', data: 'lower a' },
        { name: 'b', data: 'lower b' },
        { name: 'dir/one', data: '1' },
        { name: 'opaque/old', data: 'old' },
        { name: 'again/old', data: 'old' },
      ),
      await layer(
        { name: 'a', data: 'upper a' },
        { name: '.wh.b' },
        { name: 'dir/two', data: '2' },
        { name: 'opaque/.wh..wh..opq' },
        { name: 'opaque/new', data: 'new' },
        { name: '.wh.again' },
        { name: 'again/new', data: 'new' },
      ),
    ];
    await call('prepare', 'c1', stack);
    const tree = await namespace.call('tree', await mounted('c1'));
    const paths = ['.', 'a', 'again', 'again/new', 'dir', 'dir/one', 'dir/two', 'opaque', 'opaque/new'];
    expect(Object.keys(tree).sort()).toEqual(paths);
    expect(tree.a!.content).toBe('upper a');
    expect(tree['.']).toMatchObject({ mode: '751', owner: '3:4' });
  });

  test('mount points that the image lacks lie in a layer of their own, one for all containers of a stack', async () => {
    const stack = [
      await layer(
        { name: 'etc/', type: '5', mode: 0o751, uid: 3, gid: 4 },
        { name: 'etc/hosts', data: 'of the image' },
        { name: 'proc', type: '2', linkname: 'elsewhere' },
        { name: 'run', type: '2', linkname: 'var' },
      ),
    ];
    const init = [
      { path: '/etc/hosts', type: 'file' },
      { path: '/etc/hostname', type: 'file' },
      { path: '/etc/mtab', type: 'link', target: '/proc/mounts' },
      { path: '/proc', type: 'directory' },
      { path: '/dev/pts', type: 'directory' },
      { path: '/run/below-a-link', type: 'directory' },
    ];
    await call('prepare', 'c1', stack, { init });
    await call('prepare', 'c2', stack, { init });
    const tree = await namespace.call('tree', await mounted('c1'));
    expect(Object.keys(tree).sort()).toEqual(
      ['.', 'dev', 'dev/pts', 'etc', 'etc/hostname', 'etc/hosts', 'etc/mtab', 'proc', 'run'].sort(),
    );
    expect(tree.etc).toMatchObject({ mode: '751', owner: '3:4' });
    expect(tree['etc/hosts']!.content).toBe('of the image');
    expect(tree['etc/hostname']).toMatchObject({ mode: '755', owner: '0:0', content: '' });
    expect(tree['etc/mtab']!.link).toBe('/proc/mounts');
    expect(tree.proc!.link).toBe('elsewhere');
    expect(await call('usage', 'c1')).toMatchObject({ size: 0 });
    expect(await namespace.call('readdir', join(dir, 'init'))).toHaveLength(1);
    await namespace.call('restart', dir);
    await call('prepare', 'c3', stack, { init });
    expect(await namespace.call('readdir', join(dir, 'init'))).toHaveLength(1);
  });

  test('an image that lacks nothing gets no layer for mount points; one goes with its layers', async () => {
    const whole = await layer({ name: 'proc/', type: '5' });
    const bare = await layer({ name: 'f', data: 'f' });
    const init = [{ path: '/proc', type: 'directory' }];
    await call('prepare', 'c1', [whole], { init });
    expect(await namespace.call('readdir', join(dir, 'init'))).toEqual([]);
    await call('prepare', 'c2', [bare], { init });
    expect(await namespace.call('readdir', join(dir, 'init'))).toHaveLength(1);
    await call('removeActive', 'c2');
    await call('removeLayer', bare);
    expect(await namespace.call('readdir', join(dir, 'init'))).toEqual([]);
  });

  test('what is written goes to the active snapshot alone, and goes with it', async () => {
    const below = await layer({ name: 'f', data: 'below' });
    await call('prepare', 'c1', [below]);
    await call('prepare', 'c2', [below]);
    const root = await mounted('c1');
    await namespace.call('write', join(root, 'f'), 'changed');
    await namespace.call('write', join(root, 'g'), 'x'.repeat(1000));
    expect(await call('usage', 'c1')).toEqual({ size: 1007, inodes: 3 });
    expect(await call('usage', 'c2')).toMatchObject({ size: 0 });
    const other = await mounted('c2');
    expect(await namespace.call('read', join(other, 'f'))).toBe('below');
    for (const at of [root, other]) await namespace.call('umount', at);
    await call('removeActive', 'c1');
    await call('removeActive', 'c2');
    expect(await call('listActive')).toEqual([]);
    for (const part of ['active', 'trash']) expect(await namespace.call('readdir', join(dir, part))).toEqual([]);
  });

  test('a snapshot that nothing was written to is used again, as new; one with entries, modes or attributes is not, or not as it was', async () => {
    const below = await layer({ name: './', type: '5', mode: 0o755 }, { name: 'f', data: 'f' });
    const scripts: [string, boolean][] = [
      ['cat f', true],
      ['chmod 1777 .; chown 5:6 .', true],
      ['echo >new; rm new', true],
      ['echo >new', false],
      ['rm f', false],
      ['an attribute', false],
    ];
    for (const [script, again] of scripts) {
      await call('prepare', 'c1', [below]);
      const ino = (await namespace.call('tree', await call<string>('upper', 'c1')))['.']!.ino;
      const target = await mounted('c1');
      if (script === 'an attribute') await namespace.call('setNote', target);
      else await namespace.call('shell', target, script);
      await namespace.call('umount', target);
      await call('removeActive', 'c1');
      await call('prepare', 'c2', [below]);
      const upper = (await namespace.call('tree', await call<string>('upper', 'c2')))['.']!;
      // The number of one that was deleted may come back.
      if (again) expect(upper.ino, script).toBe(ino);
      expect(upper, script).toMatchObject({ mode: '755', owner: '0:0' });
      expect(Object.keys(upper.xattrs).filter((name) => !name.startsWith('user.overlay.'))).toEqual([]);
      const root = await mounted('c2');
      expect(await namespace.call('readdir', root)).toEqual(['f']);
      await namespace.call('umount', root);
      await namespace.call('write', join(await call<string>('upper', 'c2'), 'used'), '');
      await call('removeActive', 'c2');
    }
  });

  test('an active snapshot mounts again after it was unmounted, with and without volatile', async () => {
    await call('prepare', 'c1', [await layer({ name: 'f', data: 'f' })]);
    for (const written of ['1', '2']) {
      const root = await mounted('c1');
      await namespace.call('write', join(root, written), written);
      await namespace.call('umount', root);
    }
    for (const written of ['3', '4']) {
      const [mount] = await call<Mount[]>('mounts', 'c1', { volatile: true });
      await namespace.call('mount', mount as Required<Mount>);
      await namespace.call('write', join(mount!.target, written), written);
      await namespace.call('umount', mount!.target);
    }
    const [last] = await call<Mount[]>('mounts', 'c1', { volatile: true });
    await namespace.call('mount', last as Required<Mount>);
    expect(await namespace.call('readdir', last!.target)).toEqual(['1', '2', '3', '4', 'f']);
  });

  test('127 layers mount in one page of options; 128 are refused as Docker refuses them', async () => {
    const stack: Digest[] = [];
    for (let i = 0; i < 128; i++)
      stack.push(await layer({ name: `file${i}`, data: String(i) }, { name: 'top', data: String(i) }));
    const key = 'k'.repeat(64);
    await call('prepare', key, stack.slice(0, 127));
    const root = await mounted(key);
    expect(await namespace.call('read', join(root, 'top'))).toBe('126');
    expect(await namespace.call('readdir', root)).toHaveLength(128);
    await expect(call('prepare', 'c2', stack)).rejects.toThrow(/max depth exceeded/);
  }, 120_000);

  test('an image without layers mounts empty', async () => {
    await call('prepare', 'c1', []);
    const root = await mounted('c1');
    expect(await namespace.call('tree', root)).toMatchObject({ '.': { mode: '755', owner: '0:0' } });
    await namespace.call('write', join(root, 'f'), 'f');
    expect(await namespace.call('readdir', join(dir, 'empty'))).toEqual([]);
  });

  test('a layer that hides everything hides the root of those below', async () => {
    const stack = [
      await layer({ name: 'old', data: 'old' }),
      await layer({ name: '.wh..wh..opq' }, { name: 'new', data: 'new' }),
    ];
    await call('prepare', 'c1', stack);
    expect(await namespace.call('readdir', await mounted('c1'))).toEqual(['new']);
    expect(await call('layersOf', 'c1')).toEqual(stack);
  });

  test('identical layers are stored once, and concurrent unpackings of one are one', async () => {
    const made = blob({ name: 'f', data: 'f' });
    await Promise.all([call('unpack', made), call('unpack', made), call('unpack', made)]);
    await call('unpack', made);
    expect(await call<Layer[]>('list')).toHaveLength(1);
    expect(await namespace.call('readdir', join(dir, 'layer'))).toHaveLength(1);
    expect(await call('has', made.diffID)).toBe(true);
    expect(await call('size', made.diffID)).toBe(1);
  });

  test('a layer in use is not removed; one that is not, is', async () => {
    const below = await layer({ name: 'd/', type: '5', mode: 0 }, { name: 'd/f', uid: 1000, data: 'f' });
    await call('prepare', 'c1', [below]);
    await expect(call('removeLayer', below)).rejects.toMatchObject({ kind: 'conflict' });
    await call('removeActive', 'c1');
    await call('removeLayer', below);
    expect(await call('has', below)).toBe(false);
    expect(await namespace.call('readdir', join(dir, 'layer'))).toEqual([]);
    expect(await namespace.call('readdir', join(dir, 'trash'))).toEqual([]);
  });

  test('a tree that is nested deeper than any path, with directories of mode 000, is removed', async () => {
    await call('prepare', 'c1', [await layer({ name: 'f' })]);
    const root = await mounted('c1');
    await namespace.call('nest', root, 1000);
    await namespace.call('umount', root);
    await call('usage', 'c1');
    await call('removeActive', 'c1');
    expect(await namespace.call('readdir', join(dir, 'trash'))).toEqual([]);
  });

  test('what a killed daemon left half-done is swept at the start, what it had finished stays', async () => {
    const below = await layer({ name: 'f' });
    await call('prepare', 'c1', [below]);
    await namespace.call('mkdir', join(dir, 'unpack/half'), 0o700);
    await namespace.call('write', join(dir, 'unpack/half/file'), 'x');
    await namespace.call('mkdir', join(dir, 'trash/gone'), 0o000);
    await namespace.call('restart', dir);
    await call('sweep');
    for (const part of ['unpack', 'trash']) expect(await namespace.call('readdir', join(dir, part))).toEqual([]);
    expect(await call('has', below)).toBe(true);
    expect(await call('listActive')).toEqual(['c1']);
    expect(await call('check')).toEqual([]);
  });

  test('check names what is corrupt or missing, and others go on working', async () => {
    const [good, bad, gone] = [
      await layer({ name: 'good' }),
      await layer({ name: 'bad' }),
      await layer({ name: 'gone' }),
    ];
    await call('prepare', 'c1', [good]);
    await call('prepare', 'c2', [good, gone]);
    const layers = await call<Layer[]>('list');
    const nameOf = (diffID: Digest) => layers.find((each) => each.diffID === diffID)!.name;
    await call('removeActive', 'c2');
    await call('prepare', 'c2', [good, gone]);
    await namespace.call('write', join(dir, 'layer', nameOf(bad), 'layer.json'), '{"diffID": tru');
    await namespace.call(
      'write',
      join(dir, 'active/c2/snapshot.json'),
      JSON.stringify({ diffIDs: [digestOf('no such')] }),
    );
    await namespace.call('restart', dir);
    const problems = await call<Problem[]>('check');
    expect(problems.map(({ object }) => object)).toEqual([`layer/${nameOf(bad)}`, 'active/c2']);
    expect(problems[0]!.problem).toMatch(/corrupt/);
    expect(problems[1]!.problem).toContain(digestOf('no such'));
    await call('prepare', 'c3', [good]);
  });

  test('names that are not of this world are refused before they reach the disk', async () => {
    for (const key of ['', '..', '../x', 'a/b', 'x'.repeat(129), '.hidden', 'a\0b']) {
      await expect(call('prepare', key, [])).rejects.toMatchObject({ kind: 'invalidArgument' });
      await expect(call('removeActive', key)).rejects.toMatchObject({ kind: 'invalidArgument' });
    }
    await expect(call('mounts', 'absent')).rejects.toMatchObject({ kind: 'notFound' });
    await expect(call('prepare', 'c1', [digestOf('absent')])).rejects.toMatchObject({ kind: 'notFound' });
    await call('prepare', 'c1', []);
    await expect(call('prepare', 'c1', [])).rejects.toMatchObject({ kind: 'conflict' });
    expect(await namespace.call('readdir', join(dir, 'unpack'))).toEqual([]);
  });

  test('the directories are closed to other users of the host', async () => {
    await layer({ name: 'su', mode: 0o4755 });
    const tree = await namespace.call('tree', dir);
    for (const path of ['.', 'layer', 'active', 'unpack']) expect(tree[path]!.mode).toBe('700');
  });
});

describe.skipIf(reason)(`reading in a stack${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let namespace: Namespace;
  let dirs: string[];

  beforeAll(async () => {
    namespace = await Namespace.start();
    const dir = join(namespace.dir, 'stack');
    const stack = [
      tar(
        { name: 'etc/passwd', data: 'lower' },
        { name: 'etc/group', data: 'group' },
        { name: 'etc/shadow', data: 'shadow' },
        { name: 'opaque/old', data: 'old' },
        { name: 'file', data: 'file' },
        { name: 'gone/in', data: 'in' },
        { name: 'usr/lib/os', data: 'os' },
      ),
      tar(
        { name: 'etc/passwd', data: 'upper' },
        { name: 'etc/.wh.shadow' },
        { name: 'opaque/.wh..wh..opq' },
        { name: 'opaque/new', data: 'new' },
        { name: 'file/', type: '5' },
        { name: '.wh.gone' },
        { name: 'lib', type: '2', linkname: 'usr/lib' },
        { name: 'etc/os', type: '2', linkname: '../lib/../lib/os' },
        { name: 'etc/abs', type: '2', linkname: '/lib/os' },
        { name: 'etc/host', type: '2', linkname: '../../../../../../../../etc/hostname' },
        { name: 'etc/proc', type: '2', linkname: '/proc/self/environ' },
        { name: 'etc/loop', type: '2', linkname: 'loop' },
        { name: 'etc/fifo', type: '6' },
        { name: 'etc/large', data: 'x'.repeat(1000) },
      ),
    ];
    const diffIDs: Digest[] = [];
    for (const archive of stack) {
      const path = join(namespace.dir, `blob${diffIDs.length}`);
      writeFileSync(path, archive);
      diffIDs.push(digestOf(archive));
      await namespace.call('snapshotter', dir, 'unpack', { path, diffID: diffIDs.at(-1) });
    }
    dirs = (await namespace.call('snapshotter', dir, 'layers', diffIDs)) as string[];
  });
  afterAll(() => namespace?.stop(), 60_000);

  test.each<[string, string | undefined, string]>([
    ['/etc/passwd', 'upper', 'the upper file hides the lower'],
    ['etc/group', 'group', 'directories are merged'],
    ['/etc/shadow', undefined, 'a whiteout removes'],
    ['/opaque/old', undefined, 'an opaque directory hides'],
    ['/opaque/new', 'new', 'but shows its own'],
    ['/gone/in', undefined, 'a directory below a whiteout is gone'],
    ['/file', undefined, 'a directory is not a file'],
    ['/file/x', undefined, 'and hides a lower file'],
    ['/etc/passwd/x', undefined, 'a file has nothing in it'],
    ['/etc/os', 'os', 'a relative link crosses layers'],
    ['/etc/abs', 'os', 'an absolute link means the image’s root'],
    ['/etc/host', undefined, 'no link leads to the host'],
    ['/etc/proc', undefined, 'nor to its /proc'],
    ['/../../etc/hostname', undefined, 'nor does `..`'],
    ['/etc/fifo', undefined, 'a fifo is not waited for'],
    ['/nowhere/x', undefined, 'what is not there is not there'],
  ])('%s reads %s: %s', async (path, expected, claim) => {
    expect(await namespace.call('readInStack', dirs, path, 100), claim).toBe(expected);
  });

  test('a file that is too large and a circle of links are errors', async () => {
    await expect(namespace.call('readInStack', dirs, '/etc/large', 999)).rejects.toThrow(/more than 999/);
    await expect(namespace.call('readInStack', dirs, '/etc/loop', 100)).rejects.toThrow(/too many levels/);
  });

  test('no descriptor stays open', async () => {
    const before = await namespace.call('descriptors');
    for (let i = 0; i < 50; i++) await namespace.call('readInStack', dirs, '/etc/os', 100);
    expect(await namespace.call('descriptors')).toBeLessThanOrEqual(before);
  });
});

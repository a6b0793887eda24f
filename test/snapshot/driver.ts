// The side of the snapshot tests that runs in a user namespace, as its root: makes the calls that it is sent and answers with
// what came of them. Bundled and started by namespace.ts.

import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lgetxattr, llistxattr, lsetxattr, mount, umount2 } from '../../src/native/addon.ts';
import { MNT_DETACH } from '../../src/native/constants.ts';
import { Snapshotter } from '../../src/snapshot/snapshotter.ts';
import { readInStack } from '../../src/snapshot/read-in-stack.ts';
import { UnpackPool } from '../../src/snapshot/unpack-pool.ts';

export interface Node {
  type: string;
  /** octal */
  mode: string;
  owner: string;
  size: number;
  mtimeNs: bigint;
  nlink: number;
  ino: bigint;
  link?: string;
  rdev?: string;
  xattrs: Record<string, string>;
  content?: string;
}

const open = new Map<string, Snapshotter>();

const calls = {
  /** Everything below a directory, by path (binary strings); content of files up to 100 bytes. */
  tree(dir: string): Record<string, Node> {
    const found: Record<string, Node> = {};
    const visit = (path: Buffer, name: string) => {
      found[name || '.'] = nodeOf(path);
      if (!lstatSync(path).isDirectory()) return;
      for (const child of readdirSync(path, { encoding: 'buffer' }).sort(Buffer.compare)) {
        visit(Buffer.concat([path, Buffer.from('/'), child]), join(name, child.toString('latin1')));
      }
    };
    visit(Buffer.from(dir), '');
    return found;
  },
  async snapshotter(dir: string, method: string, ...args: unknown[]): Promise<unknown> {
    let snapshotter = open.get(dir);
    if (!snapshotter) open.set(dir, (snapshotter = new Snapshotter(dir, new UnpackPool(process.env.WORKER))));
    return await (snapshotter as unknown as Record<string, (...a: unknown[]) => unknown>)[method]!(...args);
  },
  /** Forgets a snapshotter, as a restart of the daemon does. */
  restart(dir: string): void {
    open.delete(dir);
  },
  readInStack(dirs: string[], path: string, max: number): string | undefined {
    return readInStack(dirs, path, max)?.toString('latin1');
  },
  /** Unpacks and aborts when the first progress comes. */
  async unpackAndAbort(dir: string, path: string, diffID: `sha256:${string}`): Promise<void> {
    const abort = new AbortController();
    const snapshotter = new Snapshotter(dir, new UnpackPool(process.env.WORKER));
    await snapshotter.unpack({ path, diffID, signal: abort.signal, onProgress: () => abort.abort() });
  },
  mount(from: { cwd?: string; type: string; options: string[]; source: string; target: string }): void {
    const before = process.cwd();
    process.chdir(from.cwd!);
    try {
      mount(from.source, from.target, from.type, 0, from.options.join(','));
    } finally {
      process.chdir(before);
    }
  },
  umount(target: string): void {
    umount2(target, MNT_DETACH);
  },
  read: (path: string) => readFileSync(path, 'latin1'),
  readdir: (path: string) => readdirSync(path).sort(),
  setNote: (path: string) => void lsetxattr(path, 'user.note', Buffer.from('x'), 0),
  write: (path: string, data: string) => writeFileSync(path, data),
  /** Runs a script in a directory, as root of the namespace. */
  shell: (cwd: string, script: string) => execFileSync('sh', ['-ec', script], { cwd, encoding: 'latin1' }),
  mkdir: (path: string, mode: number) => void mkdirSync(path, { mode }),
  /** Nests directories deeper than any path is long, as a container can. */
  nest(path: string, depth: number): void {
    const before = process.cwd();
    process.chdir(path);
    for (let i = 0; i < depth; i++) {
      mkdirSync('deeper', { mode: i % 3 ? 0o755 : 0o000 });
      process.chdir('deeper');
    }
    writeFileSync('bottom', '');
    process.chdir(before);
  },
  removeAll(dir: string): void {
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4]);
    for (const target of mounts) if (target?.startsWith(`${dir}/`)) umount2(target, MNT_DETACH);
    for (const name of readdirSync(dir)) if (name !== 'bin') rmSync(join(dir, name), { recursive: true, force: true });
  },
  descriptors: () => readdirSync('/proc/self/fd').length,
  memory: () => ({ peakKb: process.resourceUsage().maxRSS }),
};

export type Calls = typeof calls;

function nodeOf(path: Buffer): Node {
  const stat = lstatSync(path, { bigint: true });
  const type = stat.isDirectory()
    ? 'directory'
    : stat.isSymbolicLink()
      ? 'symlink'
      : stat.isFile()
        ? 'file'
        : stat.isFIFO()
          ? 'fifo'
          : 'device';
  const names = llistxattr(path).toString('latin1').split('\0').filter(Boolean);
  return {
    type,
    mode: (Number(stat.mode) & 0o7777).toString(8),
    owner: `${stat.uid}:${stat.gid}`,
    size: Number(stat.size),
    mtimeNs: stat.mtimeNs,
    nlink: Number(stat.nlink),
    ino: stat.ino,
    ...(type === 'symlink' && { link: readlinkSync(path, 'latin1' as BufferEncoding) }),
    ...(type === 'device' && { rdev: String(stat.rdev) }),
    xattrs: Object.fromEntries(names.map((name) => [name, lgetxattr(path, name).toString('hex')])),
    ...(type === 'file' && stat.size <= 100n && { content: readFileSync(path, 'latin1') }),
  };
}

process.on('message', ({ id, name, args }: { id: number; name: keyof Calls; args: never[] }) => {
  new Promise((resolve) => resolve((calls[name] as (...a: never[]) => unknown)(...args))).then(
    (value) => process.send!({ id, value }),
    (error: Error & { kind?: string; fix?: string; code?: string }) =>
      process.send!({
        id,
        error: { message: error.message, name: error.name, kind: error.kind, fix: error.fix, code: error.code },
      }),
  );
});
process.send!({ id: 0 });

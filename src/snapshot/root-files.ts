// Files of a container's root by the paths that clients name: what one is, and a tree of them as an archive. Paths are resolved
// by the kernel inside the root. Runs in a worker thread of the daemon (root-thread.ts). moby: daemon/archive_unix.go,
// container/archive.go; openat2(2)

import { closeSync, readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import { fstatat, openat2, readlinkat, type StatAt } from '../native/addon.ts';
import {
  AT_EMPTY_PATH,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
} from '../native/constants.ts';
import { TreeArchiver } from './archive-tree.ts';
import type { TarSink } from './tar/entry.ts';

const INSIDE = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

/** A file as `cp` needs to know it. */
export interface FileStat {
  /** the last part of the path that was asked for */
  name: string;
  size: number;
  /** st_mode */
  mode: number;
  mtimeNs: bigint;
  /** of a link: where it leads, absolute in the container; else empty */
  linkTarget: string;
}

/** `path` absolute and clean, but with the slash or `/.` at its end that says that a link there is to be followed. */
export function absolutePath(path: string): string {
  const clean = posix.normalize(`/${path}`).replace(/(.)\/$/, '$1');
  if (clean === '/') return clean;
  if (/(^|\/)\.$/.test(path)) return `${clean}/.`;
  return path.endsWith('/') ? `${clean}/` : clean;
}

/** @throws the errno of openat2(2): ENOENT, ENOTDIR */
export function statFile(root: number, path: string): FileStat {
  const absolute = absolutePath(path);
  const fd = openLast(root, absolute);
  try {
    const stat = fstatat(fd, '', AT_EMPTY_PATH);
    return {
      name: posix.basename(absolute) || '/',
      size: stat.size,
      mode: stat.mode,
      mtimeNs: stat.mtimeNs,
      linkTarget: (stat.mode & S_IFMT) === S_IFLNK ? targetOf(root, absolute, fd) : '',
    };
  } finally {
    closeSync(fd);
  }
}

/** Archives a file, or a directory with all that is in it, under the name that it was asked for by. */
export function archiveFile(root: number, path: string, sink: TarSink): void {
  const absolute = absolutePath(path);
  // Of the root itself, names begin with a slash.
  const name = absolute === '/' ? '' : absolute.endsWith('/.') ? '.' : posix.basename(absolute);
  const fd = openLast(root, absolute);
  try {
    const stat = fstatat(fd, '', AT_EMPTY_PATH);
    if (!isDirectory(stat)) return archiveOne(root, { absolute, name, sink });
    const top = Buffer.from(name, 'utf8').toString('latin1');
    const rename = (inside: string) => (inside === '' ? top || '/' : `${top}/${inside}`);
    const directory = openat2(fd, '.', O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, INSIDE);
    try {
      new TreeArchiver(sink, { rename }).whole(directory);
    } finally {
      closeSync(directory);
    }
  } finally {
    closeSync(fd);
  }
}

function archiveOne(root: number, { absolute, name, sink }: { absolute: string; name: string; sink: TarSink }): void {
  const at = openat2(root, posix.dirname(absolute), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, INSIDE);
  try {
    const last = Buffer.from(name, 'utf8').toString('latin1');
    new TreeArchiver(sink).one(at, last, last);
  } finally {
    closeSync(at);
  }
}

/** Opens the file itself; a link at the end of the path is not followed, unless a slash says so. */
export function openLast(root: number, absolute: string): number {
  const follow = /\/\.?$/.test(absolute);
  return openat2(root, absolute, O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW), 0, INSIDE);
}

/** Opens what a path leads to, a link at its end included. */
export function openFollowed(root: number, absolute: string): number {
  return openat2(root, absolute, O_PATH | O_CLOEXEC, 0, INSIDE);
}

/** Where a link leads, evaluated inside the root; a part that is missing is taken as it stands. */
function targetOf(root: number, absolute: string, link: number): string {
  try {
    const fd = openFollowed(root, absolute);
    try {
      return insideOf(root, fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ELOOP' && errnoOf(error) !== 'ENOTDIR') throw error;
  }
  const target = readlinkat(link, '').toString('utf8');
  return posix.resolve('/', posix.dirname(absolute), target);
}

/** The path in the container of a descriptor below its root. */
export function insideOf(root: number, fd: number): string {
  const top = readlinkSync(`/proc/self/fd/${root}`);
  const path = readlinkSync(`/proc/self/fd/${fd}`);
  return path === top ? '/' : path.startsWith(`${top}/`) ? path.slice(top.length) : path;
}

export function isDirectory({ mode }: StatAt): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}

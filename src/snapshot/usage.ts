// Counts what a tree that a container wrote takes: files by their length, hard links once. Links are not followed and the depth
// is bounded: a container may nest deeper than the daemon has descriptors. Runs in the daemon, as uid 0 of its user namespace.

import { closeSync, opendirSync } from 'node:fs';
import { fstatat, openat2, type StatAt } from '../native/addon.ts';
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  RESOLVE_BENEATH,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from '../native/constants.ts';
import { errnoOf } from '../base/errors.ts';
import { raw } from './layer-path.ts';

const MAX_DEPTH = 256;
const OPEN = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

export interface Usage {
  /** bytes, as the files' lengths add up */
  size: number;
  inodes: number;
}

/** Adds up the directory at `path`. */
export function usageAt(path: string): Usage {
  const fd = openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
  try {
    return usageOf(fd, '.');
  } finally {
    closeSync(fd);
  }
}

/** Adds up `name` in directory `at`. What vanishes meanwhile counts nothing; below 256 levels nothing is counted. */
export function usageOf(at: number, name: string): Usage {
  const usage: Usage = { size: 0, inodes: 0 };
  const linked = new Set<string>();
  const visit = (parent: number, child: string, depth: number): void => {
    const stat = gone(() => fstatat(parent, raw(child), AT_SYMLINK_NOFOLLOW));
    if (!stat || !count(stat, usage, linked)) return;
    if ((stat.mode & S_IFMT) !== S_IFDIR || depth === MAX_DEPTH) return;
    const fd = gone(() => openat2(parent, raw(child), OPEN, 0, RESOLVE_BENEATH));
    if (fd === undefined) return;
    try {
      const dir = opendirSync(`/proc/self/fd/${fd}`, { encoding: 'latin1' as BufferEncoding, bufferSize: 256 });
      try {
        for (let entry = dir.readSync(); entry; entry = dir.readSync()) visit(fd, entry.name, depth + 1);
      } finally {
        dir.closeSync();
      }
    } finally {
      closeSync(fd);
    }
  };
  visit(at, name, 0);
  return usage;
}

/** False when this inode was counted before. */
function count(stat: StatAt, usage: Usage, linked: Set<string>): boolean {
  const regular = (stat.mode & S_IFMT) === S_IFREG;
  if (regular && stat.nlink > 1) {
    const id = `${stat.dev}:${stat.ino}`;
    if (linked.has(id)) return false;
    linked.add(id);
  }
  usage.inodes++;
  if (regular) usage.size += stat.size;
  return true;
}

function gone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ELOOP' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

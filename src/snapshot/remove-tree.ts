// Removes a tree that an archive or a container made: any depth (a container can nest deeper than any path is long), any
// names, directories without permissions. Instead of walking down, directories that are not empty are moved up into the trash
// and met again there; so two descriptors suffice and no path is longer than one name. Links are removed, never followed.
// Runs in the daemon or its unpack worker, in its user namespace, as uid 0 there. unlinkat(2), renameat2(2).

import { closeSync, opendirSync, rmSync, type Dirent } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { errnoOf } from '../base/errors.ts';
import { openat2, renameat2, unlinkat } from '../native/addon.ts';
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  RESOLVE_BENEATH,
} from '../native/constants.ts';
import { raw } from './layer-path.ts';

const BATCH = 256;
let moved = 0;

/** Moves `name` out of sight, into the trash directory, in one step. It is gone for everybody; `emptyTrash` frees it. */
export function trash(at: number, name: string, bin: number): void {
  // With the thread's number, because the daemon's main thread and its workers count for themselves and share one trash.
  renameat2(at, raw(name), bin, `${process.pid}-${threadId}-${moved++}-${Date.now().toString(36)}`, 0);
}

export interface EmptyJob {
  /** path of the trash directory */
  trash: string;
  /** paths of trees to remove, on other file systems; their names are our own */
  trees: string[];
}

/** Empties a trash directory and removes trees. @throws the errno of what could not be removed */
export function emptyAll({ trash, trees }: EmptyJob): void {
  const bin = openat2(AT_FDCWD, trash, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
  try {
    emptyTrash(bin);
  } finally {
    closeSync(bin);
  }
  for (const tree of trees) rmSync(tree, { recursive: true, force: true });
}

/** Goes on until nothing is left, so that it also takes what comes in meanwhile. */
export function emptyTrash(bin: number): void {
  for (let left = true; left;) {
    left = false;
    for (const entry of entries(bin)) {
      left = true;
      if (removeOne(bin, entry)) continue;
      emptyInto(bin, entry.name);
      removeOne(bin, entry);
    }
  }
}

/** Removes what directory `name` holds; directories that hold something move up into `bin`. */
function emptyInto(bin: number, name: string): void {
  const fd = openat2(bin, raw(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, RESOLVE_BENEATH);
  try {
    for (const entry of entries(fd)) if (!removeOne(fd, entry)) trash(fd, entry.name, bin);
  } finally {
    closeSync(fd);
  }
}

/** True when it is gone; false for a directory that is not empty. */
function removeOne(at: number, entry: Dirent): boolean {
  try {
    unlinkat(at, raw(entry.name), entry.isDirectory() ? AT_REMOVEDIR : 0);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    if (code !== 'ENOENT') throw error;
  }
  return true;
}

/** What a directory holds, names as binary strings, read as they are needed. */
function* entries(fd: number): Generator<Dirent> {
  const dir = opendirSync(`/proc/self/fd/${fd}`, { encoding: 'latin1' as BufferEncoding, bufferSize: BATCH });
  try {
    for (let entry = dir.readSync(); entry; entry = dir.readSync()) yield entry;
  } finally {
    dir.closeSync();
  }
}

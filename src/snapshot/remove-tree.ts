// Removes a tree that an archive or a container made: any depth (a container can nest deeper than any path is long), any
// names, directories without permissions. Instead of walking down, directories that are not empty are moved up into the trash
// and met again there; so two descriptors suffice and no path is longer than one name. Links are removed, never followed.
// Runs in the daemon or its unpack worker, in its user namespace, as uid 0 there. unlinkat(2), renameat2(2).

import { closeSync, opendirSync } from 'node:fs';
import { errnoOf } from '../base/errors.ts';
import { openat2, renameat2, unlinkat } from '../native/addon.ts';
import { AT_REMOVEDIR, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, RESOLVE_BENEATH } from '../native/constants.ts';
import { raw } from './layer-path.ts';

const BATCH = 256;
let moved = 0;

/** Moves `name` out of sight, into the trash directory, in one step. It is gone for everybody; `emptyTrash` frees it. */
export function trash(at: number, name: string, bin: number): void {
  renameat2(at, raw(name), bin, `${process.pid}-${moved++}-${Date.now().toString(36)}`, 0);
}

/** Empties the trash at once. */
export function emptyTrashSync(bin: number): void {
  for (const step of steps(bin)) void step;
}

/** Empties the trash, letting other work of the thread run in between. */
export async function emptyTrash(bin: number): Promise<void> {
  for (const step of steps(bin)) await new Promise((resume) => setImmediate(resume, step));
}

function* steps(bin: number): Generator<void> {
  for (let left = true; left;) {
    left = false;
    for (const name of names(bin)) {
      left = true;
      if (removeOne(bin, name)) continue;
      yield* emptyInto(bin, name);
      removeOne(bin, name);
      yield;
    }
  }
}

/** Removes what directory `name` holds; directories that hold something move up into `bin`. */
function* emptyInto(bin: number, name: string): Generator<void> {
  const fd = openat2(bin, raw(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, RESOLVE_BENEATH);
  try {
    let count = 0;
    for (const child of names(fd)) {
      if (!removeOne(fd, child)) trash(fd, child, bin);
      if (++count % BATCH === 0) yield;
    }
  } finally {
    closeSync(fd);
  }
}

/** True when it is gone; false for a directory that is not empty. */
function removeOne(at: number, name: string): boolean {
  const path = raw(name);
  for (const flags of [0, AT_REMOVEDIR]) {
    try {
      unlinkat(at, path, flags);
      return true;
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'ENOENT') return true;
      if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
      if (code !== 'EISDIR' || flags) throw error;
    }
  }
  return false;
}

/** Names in a directory as binary strings, read as they are needed. */
function* names(fd: number): Generator<string> {
  const dir = opendirSync(`/proc/self/fd/${fd}`, { encoding: 'latin1' as BufferEncoding, bufferSize: BATCH });
  try {
    for (let entry = dir.readSync(); entry; entry = dir.readSync()) yield entry.name;
  } finally {
    dir.closeSync();
  }
}

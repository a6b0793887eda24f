// Writable layers that their containers left as they were, kept for the next ones: on a disk, to make and to delete four inodes
// takes as long as to clone the process. Runs in the daemon, in its user namespace, as uid 0 there.

import { closeSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import { flistxattr, openat2 } from '../native/addon.ts';
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from '../native/constants.ts';

const MOST = 16;

/** Says which overlay it is, for statfs(2); overlayfs.rst, "UUID and fsid". */
const UUID_XATTR = 'user.overlay.uuid';

export class Spares {
  readonly #dir: string;
  readonly #names: string[] = [];
  #count = 0;

  /** `dir` exists; what an earlier daemon left in it is the caller's to remove. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Moves a spare {upper/, work/} to the path `to`; false when there is none. Owner, mode and times of upper are the last one's. */
  take(to: string): boolean {
    const name = this.#names.pop();
    if (name === undefined) return false;
    renameSync(join(this.#dir, name), to);
    return true;
  }

  /** Keeps the active snapshot at `path`, if nothing was written to it: then it is gone from there. */
  keep(path: string): boolean {
    if (this.#names.length >= MOST || !isUnused(join(path, 'upper'))) return false;
    // The mark of a volatile mount, without which overlayfs mounts again.
    rmSync(join(path, 'work/work/incompat'), { recursive: true, force: true });
    const name = String(this.#count++);
    renameSync(path, join(this.#dir, name));
    this.#names.push(name);
    return true;
  }
}

/** True for a directory without entries, and without extended attributes (an access control list is one) but overlayfs' own name for it. */
function isUnused(path: string): boolean {
  let fd: number;
  try {
    fd = openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, 0);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
  try {
    const names = flistxattr(fd).toString('latin1').split('\0').filter(Boolean);
    return readdirSync(path).length === 0 && names.every((name) => name === UUID_XATTR);
  } finally {
    closeSync(fd);
  }
}

// Active snapshots that their containers left as they were, kept for the next ones: on a disk, to make and to delete four inodes
// takes as long as to clone the process. Runs in the daemon, in its user namespace, as uid 0 there.

import { closeSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import { flistxattr, openat2 } from '../native/addon.ts';
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from '../native/constants.ts';

const MOST = 16;

/** Says which overlay it is, for statfs(2); overlayfs.rst, "UUID and fsid". */
const UUID_XATTR = 'user.overlay.uuid';

export interface Spare {
  /** of {upper/, work/, snapshot.json} */
  path: string;
  /** text of its snapshot.json */
  record: string;
}

export class Spares {
  readonly #dir: string;
  readonly #kept: Spare[] = [];
  #count = 0;

  /** `dir` exists; what an earlier daemon left in it is the caller's to remove. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** A spare, to be moved away, if possible with this record. Owner, mode and times of upper are the last one's. */
  take(record: string): Spare | undefined {
    const same = this.#kept.findIndex((spare) => spare.record === record);
    return same < 0 ? this.#kept.pop() : this.#kept.splice(same, 1)[0];
  }

  /** Keeps the active snapshot at `path`, if nothing was written to it: then it is gone from there. */
  keep(path: string, record: string): boolean {
    if (this.#kept.length >= MOST || !isUnused(join(path, 'upper'))) return false;
    // The mark of a volatile mount, without which overlayfs mounts again.
    rmSync(join(path, 'work/work/incompat'), { recursive: true, force: true });
    const kept = join(this.#dir, String(this.#count++));
    renameSync(path, kept);
    this.#kept.push({ path: kept, record });
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

// Takes times that are later than a given one back to it, in an upper directory that nobody uses any more: what a build does
// now shall be the same as what it does tomorrow. Runs in the daemon, as uid 0 of its user namespace.
// https://reproducible-builds.org/docs/source-date-epoch/

import { closeSync } from 'node:fs';
import { fstatat, openat2, utimensat } from '../native/addon.ts';
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
} from '../native/constants.ts';
import { namesIn } from './archive-tree.ts';
import { raw } from './layer-path.ts';

const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/** `latest`: nanoseconds since 1970. */
export function clampTimes(directory: string, latest: bigint): void {
  const root = openat2(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
  try {
    clampIn(root, latest);
  } finally {
    closeSync(root);
  }
}

function clampIn(at: number, latest: bigint): void {
  for (const name of namesIn(at)) {
    const stat = fstatat(at, raw(name), AT_SYMLINK_NOFOLLOW);
    if ((stat.mode & S_IFMT) === S_IFDIR) {
      const fd = openat2(at, raw(name), DIRECTORY, 0, RESOLVE_BENEATH);
      try {
        clampIn(fd, latest);
      } finally {
        closeSync(fd);
      }
    }
    if (stat.mtimeNs > latest) utimensat(at, raw(name), latest, latest, AT_SYMLINK_NOFOLLOW);
  }
}

// What a container changed, as `diff` tells it: an upper directory compared with the stack below it, by what stat(2) says, since
// a change of content changes the time. Reads the layers' directories, mounts nothing. Runs in the daemon's worker, as uid 0 of
// its user namespace. moby: pkg/archive/changes.go (ChangesDirs); overlayfs.rst.

import { closeSync } from 'node:fs';
import { errnoOf } from '../base/errors.ts';
import { fgetxattr, fstatat, openat2, type StatAt } from '../native/addon.ts';
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  RESOLVE_BENEATH,
  S_IFCHR,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from '../native/constants.ts';
import { namesIn } from './archive-tree.ts';
import { raw } from './layer-path.ts';
import { isOpaque, lookUpInStack, openStack, statOfNode, type StackNode } from './stack.ts';

/** The numbers are the Engine API's. */
export const ChangeKind = { modified: 0, added: 1, deleted: 2 } as const;

export interface Change {
  /** absolute in the container; a binary string */
  path: string;
  kind: (typeof ChangeKind)[keyof typeof ChangeKind];
}

export interface ChangesJob {
  upper: string;
  /** directories of the layers below it, top first */
  lower: string[];
}

const SECOND = 1_000_000_000n;
const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/** Every change, a directory before what is in it. */
export function changesOf({ upper, lower }: ChangesJob): Change[] {
  const open: number[] = [];
  const changes: Change[] = [];
  try {
    const root = openat2(AT_FDCWD, upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
    open.push(root);
    const stack = openStack(lower, open);
    compare(root, { path: '', lower: stack, changes });
    return changes;
  } finally {
    for (const fd of open) closeSync(fd);
  }
}

interface Place {
  /** of the directory; '' for the root */
  path: string;
  /** the same directory in the layers below, top first; empty when it is new */
  lower: number[];
  changes: Change[];
}

function compare(fd: number, place: Place): void {
  const { path, lower, changes } = place;
  const names = namesIn(fd);
  if (isOpaque(fd)) names.push(...hidden(lower, new Set(names)));
  for (const name of names.sort()) {
    const inside = `${path}/${name}`;
    const open: number[] = [];
    try {
      const below = lookUpInStack(lower, name, open);
      const stat = statOf(fd, name);
      if (!stat || (stat.mode & S_IFMT) === S_IFCHR) {
        if (below) changes.push({ path: inside, kind: ChangeKind.deleted });
        continue;
      }
      const isDirectory = (stat.mode & S_IFMT) === S_IFDIR;
      const at = changes.length;
      if (!below) changes.push({ path: inside, kind: ChangeKind.added });
      else if (differs({ at: fd, name, stat }, below)) changes.push({ path: inside, kind: ChangeKind.modified });
      if (!isDirectory) continue;
      const own = changes.length;
      const child = openat2(fd, raw(name), DIRECTORY, 0, RESOLVE_BENEATH);
      open.push(child);
      compare(child, { ...place, path: inside, lower: below?.kind === 'directory' ? below.fds : [] });
      // A change inside makes a change of the directory, too.
      if (own === at && changes.length > own) changes.splice(at, 0, { path: inside, kind: ChangeKind.modified });
    } finally {
      for (const one of open) closeSync(one);
    }
  }
}

/** What the layers below have in a directory, and the upper one does not. */
function hidden(lower: number[], present: ReadonlySet<string>): string[] {
  const names = new Set<string>();
  for (const fd of lower) for (const name of namesIn(fd)) if (!present.has(name)) names.add(name);
  return [...names];
}

function differs(upper: { at: number; name: string; stat: StatAt }, below: StackNode): boolean {
  const now = upper.stat;
  const then = statOfNode(below, upper.name);
  if (now.mode !== then.mode || now.uid !== then.uid || now.gid !== then.gid || now.rdev !== then.rdev) return true;
  // Size and time of a directory tell of its entries, which are compared themselves.
  if ((now.mode & S_IFMT) === S_IFDIR) return false;
  if (now.size !== then.size || !sameTime(now.mtimeNs, then.mtimeNs)) return true;
  if ((now.mode & S_IFMT) !== S_IFREG || below.kind !== 'file') return false;
  return !capability(upper.at, upper.name).equals(capability(below.at, upper.name));
}

/** An archive's times may be whole seconds. */
function sameTime(a: bigint, b: bigint): boolean {
  return a === b || (a / SECOND === b / SECOND && (a % SECOND === 0n || b % SECOND === 0n));
}

function capability(at: number, name: string): Buffer {
  const fd = openat2(at, raw(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0, RESOLVE_BENEATH);
  try {
    return fgetxattr(fd, 'security.capability');
  } catch (error) {
    const none = ['ENODATA', 'EOPNOTSUPP', 'ENOTSUP'].includes(errnoOf(error) ?? '');
    if (none) return Buffer.alloc(0);
    throw error;
  } finally {
    closeSync(fd);
  }
}

function statOf(at: number, name: string): StatAt | undefined {
  try {
    return fstatat(at, raw(name), AT_SYMLINK_NOFOLLOW);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

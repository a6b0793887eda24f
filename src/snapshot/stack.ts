// Looks names up in a stack of layer directories as overlayfs merges them, without mounting: whiteouts hide, opaque directories
// hide what is below, links are not followed. Runs in the daemon and its workers, in its user and mount namespaces, as uid 0
// there. overlayfs.rst.

import { closeSync } from 'node:fs';
import { errnoOf } from '../base/errors.ts';
import { fgetxattr, fstatat, openat2, type StatAt } from '../native/addon.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  RESOLVE_BENEATH,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from '../native/constants.ts';
import { OPAQUE_XATTR } from './directories.ts';
import { raw } from './layer-path.ts';

/** What a name is: a directory, merged from several layers (top first), or something of one layer. */
export type StackNode = { kind: 'directory'; fds: number[] } | { kind: 'file' | 'link' | 'other'; at: number };

/** Opens the roots of a stack (`dirs`: top first). What was opened goes to `open`, for the caller to close. */
export function openStack(dirs: string[], open: number[]): number[] {
  return dirs.map((dir) => keep(open, openat2(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0)));
}

/** Looks `name` up in a merged directory; undefined when it is nowhere, or hidden. */
export function lookUpInStack(parents: number[], name: string, open: number[]): StackNode | undefined {
  const fds: number[] = [];
  for (const at of parents) {
    const mode = modeOf(at, name);
    if (mode === undefined) continue;
    const type = mode & S_IFMT;
    if (type !== S_IFDIR) {
      // A file below a directory is hidden by it; a whiteout hides everything below.
      if (fds.length || type === S_IFCHR) break;
      return { kind: type === S_IFREG ? 'file' : type === S_IFLNK ? 'link' : 'other', at };
    }
    const fd = keep(open, openat2(at, raw(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, RESOLVE_BENEATH));
    fds.push(fd);
    if (isOpaque(fd)) break;
  }
  return fds.length ? { kind: 'directory', fds } : undefined;
}

/** The stat of what lookUpInStack found. */
export function statOfNode(node: StackNode, name: string): StatAt {
  return node.kind === 'directory'
    ? fstatat(node.fds[0]!, '', AT_EMPTY_PATH)
    : fstatat(node.at, raw(name), AT_SYMLINK_NOFOLLOW);
}

/** True when nothing of lower layers shows through a directory. */
export function isOpaque(fd: number): boolean {
  try {
    return fgetxattr(fd, OPAQUE_XATTR).toString('latin1') === 'y';
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENODATA' || code === 'EOPNOTSUPP' || code === 'ENOTSUP') return false;
    throw error;
  }
}

function modeOf(at: number, name: string): number | undefined {
  try {
    const fd = openat2(at, raw(name), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, RESOLVE_BENEATH);
    try {
      return fstatat(fd, '', AT_EMPTY_PATH).mode;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function keep(open: number[], fd: number): number {
  open.push(fd);
  return fd;
}

// Mount points that a start makes in a container's upper directory for what Docker mounts in every container. Docker makes
// them in a layer of its own below the container's, so they are no change that the container made. Runs in the daemon and its
// workers, as uid 0 of its user namespace. moby: daemon/initlayer/setup_unix.go

import { closeSync } from 'node:fs';
import { errnoOf } from '../base/errors.ts';
import { fstatat, openat2 } from '../native/addon.ts';
import {
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
import { namesIn } from './archive-tree.ts';
import { lookUpInStack, statOfNode } from './stack.ts';

const FILES = ['hostname', 'hosts', 'resolv.conf'];
const DIRECTORIES = ['dev', 'proc', 'sys'];

/**
 * The paths in upper directory `upper` that are mount points alone. `lower`: descriptors of the layers below it, top first.
 * Empty directories whose look is that of the image, or that the image does not have; empty files that it does not have.
 */
export function mountStubs(upper: number, lower: number[]): Set<string> {
  const stubs = new Set<string>();
  const open: number[] = [];
  try {
    for (const name of DIRECTORIES) {
      const inside = childrenOf(upper, name);
      if (inside?.length === 0 && looksLower(upper, name, { lower, open })) stubs.add(name);
    }
    const etc = childrenOf(upper, 'etc');
    if (!etc) return stubs;
    const below = lookUpInStack(lower, 'etc', open);
    const lowerEtc = below?.kind === 'directory' ? below.fds : [];
    for (const name of FILES) {
      if (!etc.includes(name) || lookUpInStack(lowerEtc, name, open)) continue;
      const { mode, size } = fstatat(upper, `etc/${name}`, AT_SYMLINK_NOFOLLOW);
      if ((mode & S_IFMT) === S_IFREG && size === 0) stubs.add(`etc/${name}`);
    }
    if (etc.every((name) => stubs.has(`etc/${name}`)) && looksLower(upper, 'etc', { lower, open })) stubs.add('etc');
    return stubs;
  } finally {
    for (const fd of open) closeSync(fd);
  }
}

function childrenOf(upper: number, name: string): string[] | undefined {
  let fd: number;
  try {
    fd = openat2(upper, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, RESOLVE_BENEATH);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
  try {
    return namesIn(fd);
  } finally {
    closeSync(fd);
  }
}

/** Whether a directory has mode and owner of the one below it, or there is none below it. */
function looksLower(upper: number, name: string, { lower, open }: { lower: number[]; open: number[] }): boolean {
  const below = lookUpInStack(lower, name, open);
  if (!below) return true;
  const there = statOfNode(below, name);
  const here = fstatat(upper, name, AT_SYMLINK_NOFOLLOW);
  return (
    (there.mode & S_IFMT) === S_IFDIR && there.mode === here.mode && there.uid === here.uid && there.gid === here.gid
  );
}

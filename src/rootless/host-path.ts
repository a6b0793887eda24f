// Where the daemon finds a path of the host that a user named, for `-v`. In an environment that root started that is below
// the id-mapped tree, for all that belongs to the host's accounts. Runs in the daemon, inside, as uid 0 there. openat2(2)

import { closeSync, openSync, readlinkSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openat2 } from '../native/addon.ts';
import { O_CLOEXEC, O_DIRECTORY, O_PATH, RESOLVE_IN_ROOT } from '../native/constants.ts';
import { errnoOf } from '../base/errors.ts';

/** /proc/sys/kernel/overflowuid: what an id looks like that is not mapped here */
const UNMAPPED = 65_534;

/**
 * The path by which the source of a bind is opened.
 * @param path absolute, as the user of the host wrote it; may be missing
 * @param tree root of the host's files; undefined: the daemon has the rights of its user, and needs none
 */
export function hostPath(path: string, tree = process.env.PUNNET_HOST_TREE): string {
  if (!tree || ownedInside(path)) return path;
  let missing = '';
  for (let there = path; ; there = dirname(there)) {
    const real = resolveBelow(tree, there);
    if (real !== undefined) return withinKernel(real.slice(tree.length)) ? path : join(real, missing);
    if (there === '/') return path;
    missing = join(there.slice(dirname(there).length), missing);
  }
}

/** What containers wrote, and what was prepared for them, has ids that this namespace has: it needs no other mapping. */
function ownedInside(path: string): boolean {
  try {
    return statSync(path).uid !== UNMAPPED;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false; // missing, or closed to the mapped root
  }
}

/** The path after all links, which lead nowhere but below `tree`; undefined when it does not exist. */
function resolveBelow(tree: string, path: string): string | undefined {
  const root = openSync(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
  try {
    const fd = openat2(root, path, O_PATH | O_CLOEXEC, 0, RESOLVE_IN_ROOT);
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  } finally {
    closeSync(root);
  }
}

/** Files that the kernel makes up are not in the tree. */
function withinKernel(path: string): boolean {
  return /^\/(proc|sys|dev)(\/|$)/.test(path);
}

// Tries what the environment needs of the kernel, in throw-away namespaces that end with the trying process. Runs in the
// launcher, outside, as the user. user_namespaces(7), overlayfs (Documentation/filesystems/overlayfs.rst)

import { chownSync, closeSync, copyFileSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, messageOf } from '../base/errors.ts';
import { shimPath } from '../native/addon.ts';
import { CLONE_NEWNS, CLONE_NEWUSER, S_IFCHR } from '../native/constants.ts';
import type { Plan } from '../native/ops.ts';
import { walk } from '../native/walk.ts';
import type { Owner } from './directories.ts';

/** Makes a user and a mount namespace. @returns undefined, or the errno's name */
export async function probeUserNamespace(): Promise<string | undefined> {
  const plan: Plan = {
    ops: [
      { who: 'parent', op: 'clone3', flags: CLONE_NEWUSER | CLONE_NEWNS },
      { who: 'child', op: 'await' },
      { who: 'child', op: 'pause' },
    ],
  };
  try {
    const child = walk(plan);
    child.kill(9);
    await child.wait();
    return undefined;
  } catch (error) {
    return errnoOf((error as Error).cause) ?? messageOf(error);
  }
}

const STDIO = 0;

/** A plan that mounts an overlay in `directory`, which belongs to `owner`, writes in it, runs a program through it, with a whiteout in a layer. */
export function overlayProbe(directory: string, owner: Owner): Plan {
  return {
    ops: [
      { who: 'parent', op: 'clone3', flags: CLONE_NEWUSER | CLONE_NEWNS },
      // one's own id can be mapped without newuidmap, if setgroups(2) is given up first
      { who: 'parent', op: 'write_file', path: '/proc/%child/setgroups', data: 'deny' },
      { who: 'parent', op: 'write_file', path: '/proc/%child/uid_map', data: `0 ${owner.uid} 1` },
      { who: 'parent', op: 'write_file', path: '/proc/%child/gid_map', data: `0 ${owner.gid} 1` },
      { who: 'parent', op: 'release' },
      { who: 'child', op: 'await' },
      { who: 'child', op: 'setresgid', gid: 0 },
      { who: 'child', op: 'setresuid', uid: 0 },
      { who: 'child', op: 'chdir', path: directory },
      { who: 'child', op: 'mknod', path: 'lower/whiteout', mode: S_IFCHR, dev: 0 },
      {
        who: 'child',
        op: 'mount',
        source: 'overlay',
        target: 'merged',
        fstype: 'overlay',
        flags: 0,
        data: 'userxattr,lowerdir=lower,upperdir=upper,workdir=work',
      },
      { who: 'child', op: 'mkdir', path: 'merged/made', mode: 0o755 },
      { who: 'child', op: 'dup2', fd: STDIO, to: 0 },
      { who: 'child', op: 'dup2', fd: STDIO, to: 1 },
      { who: 'child', op: 'dup2', fd: STDIO, to: 2 },
      { who: 'child', op: 'execve', paths: ['merged/program'], argv: ['program', 'hold'], env: [] },
    ],
  };
}

/**
 * Walks that plan.
 * @param directory an empty one on the file system in question
 * @param owner who is root in the probe; of another user than this process only for root
 * @returns undefined, or the op that failed with its errno
 */
export async function probeOverlay(directory: string, owner: Owner): Promise<string | undefined> {
  for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(directory, name));
  copyFileSync(shimPath(), join(directory, 'lower/program'));
  for (const name of ['', 'lower', 'upper', 'work', 'merged']) chownSync(join(directory, name), owner.uid, owner.gid);
  const nothing = openSync('/dev/null', 'r+');
  try {
    const child = walk(overlayProbe(directory, owner), {
      slots: { [STDIO]: nothing },
    });
    child.kill(9);
    await child.wait();
    return undefined;
  } catch (error) {
    return messageOf(error);
  } finally {
    closeSync(nothing);
  }
}

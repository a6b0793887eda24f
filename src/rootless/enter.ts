// The two ways into the environment's namespaces: making them (the holder) and joining them (the daemon). Both are plans
// that the launcher walks, outside, as the user; their children become uid 0 of the namespace before they execute anything.
// clone(2), setns(2), user_namespaces(7), mount_namespaces(7)

import { closeSync, openSync } from 'node:fs';
import { unavailable } from '../base/errors.ts';
import { pidfdOpen } from '../native/addon.ts';
import { CLONE_NEWNS, CLONE_NEWUSER, CLOSE_RANGE_CLOEXEC, MS_REC, MS_SLAVE } from '../native/constants.ts';
import type { Op, Plan } from '../native/ops.ts';
import { walk } from '../native/walk.ts';
import type { Account } from './account.ts';
import type { IdMaps } from './id-map.ts';
import { isAlive, type ProcessIdentity } from '../native/process-identity.ts';
import { writeIdMaps } from './write-id-maps.ts';

/** slots that the launcher fills */
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const HOLDER = 3;
const CGROUP = 4;

const LAST_DESCRIPTOR = 0xffff_ffff;

/** What both children do between being in the namespaces and execve. */
function becomeRootInside(account: Account): Op[] {
  return [
    // root's groups are no groups of the mapped root; a user keeps hers, which newgidmap let her keep
    ...(account.asRoot ? [{ who: 'child', op: 'setgroups', gids: [] } satisfies Op] : []),
    // gid first, because setresuid gives up the right to change it where 0 is not yet ours
    { who: 'child', op: 'setresgid', gid: 0 },
    { who: 'child', op: 'setresuid', uid: 0 },
    { who: 'child', op: 'setsid' },
    { who: 'child', op: 'chdir', path: '/' },
    { who: 'child', op: 'umask', mask: 0o022 },
    { who: 'child', op: 'dup2', fd: STDIN, to: 0 },
    { who: 'child', op: 'dup2', fd: STDOUT, to: 1 },
    { who: 'child', op: 'dup2', fd: STDERR, to: 2 },
    { who: 'child', op: 'close_range', first: 3, last: LAST_DESCRIPTOR, flags: CLOSE_RANGE_CLOEXEC },
  ];
}

/** The plan of a holder; its child waits for its id maps before it goes on. */
export function holderPlan(shim: string, account: Account): Plan {
  return {
    ops: [
      { who: 'parent', op: 'clone3', flags: CLONE_NEWUSER | CLONE_NEWNS },
      { who: 'child', op: 'await' },
      { who: 'child', op: 'mount', source: null, target: '/', fstype: null, flags: MS_REC | MS_SLAVE, data: null },
      ...becomeRootInside(account),
      { who: 'child', op: 'execve', paths: [shim], argv: ['punnet-shim', 'hold'], env: [] },
    ],
  };
}

/** The plan of a daemon: joins both namespaces of the process in slot 3 (a pidfd) and executes `argv`. cgroup: slot 4 */
export function insidePlan({ argv, env, account, cgroup }: Omit<Inside, 'holder' | 'stdout' | 'stderr'>): Plan {
  const variables = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  return {
    ops: [
      // into the cgroup at once, because the mapped root could not move itself there from the launcher's
      cgroup === undefined
        ? { who: 'parent', op: 'clone3', flags: 0 }
        : { who: 'parent', op: 'clone3', flags: 0, cgroup: CGROUP },
      { who: 'child', op: 'setns', fd: HOLDER, nstype: CLONE_NEWUSER | CLONE_NEWNS },
      ...becomeRootInside(account),
      { who: 'child', op: 'execve', paths: [argv[0]!], argv, env: variables },
    ],
  };
}

/**
 * Starts a process in a new user and mount namespace that has `maps`; it sleeps until SIGTERM.
 * @param shim path of punnet-shim, readable to the mapped root
 * @returns its pid
 * @throws internal naming the op that failed; unavailable with what newuidmap said
 */
export async function startHolder(options: { maps: IdMaps; account: Account; shim: string }): Promise<number> {
  const { maps, account, shim } = options;
  const nothing = openSync('/dev/null', 'r+');
  try {
    const child = walk(holderPlan(shim, account), {
      slots: { [STDIN]: nothing, [STDOUT]: nothing, [STDERR]: nothing },
    });
    try {
      writeIdMaps(child.pid, maps, account);
    } catch (error) {
      child.kill(9);
      await child.wait();
      throw error;
    }
    child.release();
    child.close();
    return child.pid;
  } finally {
    closeSync(nothing);
  }
}

export interface Inside {
  holder: ProcessIdentity;
  account: Account;
  argv: string[];
  env: NodeJS.ProcessEnv;
  /** descriptors of the new process; stdin: /dev/null when absent */
  stdin?: number;
  /** descriptor of the cgroup to be in; absent: the launcher's */
  cgroup?: number;
  stdout: number;
  stderr: number;
}

/**
 * Executes a program inside the holder's namespaces as uid 0 there, in a session of its own.
 * @returns its pid, and its end
 * @throws internal naming the op that failed
 */
export function startInside(options: Inside): { pid: number; ended: Promise<{ exitCode: number; signal: number }> } {
  const { holder, stdout, stderr, cgroup } = options;
  const pidfd = pidfdOpen(holder.pid);
  const nothing = openSync('/dev/null', 'r+');
  try {
    // after pidfd_open, because the pid alone could by now be someone else's; the pidfd cannot
    if (!isAlive(holder)) throw unavailable(`holder ${holder.pid} ended`, { fix: 'start punnetd again' });
    const slots: Record<number, number> = {
      [STDIN]: options.stdin ?? nothing,
      [STDOUT]: stdout,
      [STDERR]: stderr,
      [HOLDER]: pidfd,
    };
    if (cgroup !== undefined) slots[CGROUP] = cgroup;
    const child = walk(insidePlan(options), { slots });
    return { pid: child.pid, ended: child.wait() };
  } finally {
    closeSync(pidfd);
    closeSync(nothing);
  }
}

// exec by an unprivileged user, outside every user namespace: who enters the container's pid namespace needs privileges where they
// stand. So the command is done once more by a process of its own, as root of the container's user namespace and otherwise
// where we are: same files, same paths. setns(2), pid_namespaces(7)

import { conflict } from '../../base/errors.ts';
import * as k from '../../native/constants.ts';
import { isAlive, type ProcessIdentity } from '../../native/process-identity.ts';
import { walk } from '../../native/walk.ts';

/** Does this very command there. @returns its exit status */
export function asRootOf(init: ProcessIdentity): number {
  const target = 3;
  const env = Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
  const argv = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const passed = walk(
    {
      ops: [
        { who: 'parent', op: 'pidfd_open', pid: init.pid, slot: target },
        { who: 'parent', op: 'clone3', flags: 0 },
        { who: 'child', op: 'setns', fd: target, nstype: k.CLONE_NEWUSER },
        { who: 'child', op: 'setresgid', gid: 0 },
        { who: 'child', op: 'setresuid', uid: 0 },
        ...[0, 1, 2].map((fd) => ({ who: 'child', op: 'dup2', fd, to: fd }) as const),
        { who: 'child', op: 'await' },
        { who: 'child', op: 'execve', paths: [process.execPath], argv, env },
      ],
    },
    { slots: { 0: 0, 1: 1, 2: 2 } },
  );
  if (!isAlive(init)) {
    passed.kill(9);
    throw conflict('cannot exec in a stopped container');
  }
  passed.forwardSignals();
  passed.release();
  return passed.waitHere();
}

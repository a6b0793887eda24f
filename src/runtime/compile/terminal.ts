// A pseudo-terminal of the container's own devpts: the master goes to the parent, the slave becomes fds 0, 1, 2, the
// controlling terminal and /dev/console. Child only, after setsid and the mounts. pty(7), ioctl_tty(2), unix(7) SCM_RIGHTS

import type { SpecProcess } from '../../base/oci-runtime.ts';
import * as k from '../../native/constants.ts';
import type { Op, Slot } from '../../native/ops.ts';
import type { MountPoints } from './mount-points.ts';
import { attachSlot } from './mounts.ts';
import type { Slots } from './slots.ts';

/** chown(2): (gid_t)-1 */
const KEEP = -1;

/**
 * @param console whether /dev is the container's own, so that /dev/console can be made in it
 */
export function openTerminal(
  { user: { uid }, consoleSize }: SpecProcess,
  { slots, points, console }: { slots: Slots; points: MountPoints; console: boolean },
): Op[] {
  const master = slots.take();
  const slave = slots.take();
  const flags = k.O_RDWR | k.O_NOCTTY | k.O_CLOEXEC;
  const ops: Op[] = [
    { who: 'child', op: 'open', path: '/dev/pts/ptmx', flags, slot: master },
    { who: 'child', op: 'ioctl', fd: master, request: k.TIOCSPTLCK, arg: 0, pointer: true },
    // Not by name (/dev/pts/0), because only this gives the peer of this very master. ioctl_tty(2)
    { who: 'child', op: 'ioctl', fd: master, request: k.TIOCGPTPEER, arg: flags, result: slave },
    ...(consoleSize ? [setSize(master, consoleSize)] : []),
    { who: 'child', op: 'send_fd', fd: master },
    { who: 'child', op: 'close', fd: master },
  ];
  if (console) ops.push(...bindConsole(slave, { slots, points }));
  if (uid !== 0) ops.push({ who: 'child', op: 'fchown', fd: slave, uid, gid: KEEP });
  for (const fd of [0, 1, 2]) ops.push({ who: 'child', op: 'dup2', fd: slave, to: fd });
  ops.push({ who: 'child', op: 'ioctl', fd: slave, request: k.TIOCSCTTY, arg: 0 });
  ops.push({ who: 'child', op: 'close', fd: slave });
  return ops;
}

/* struct winsize: rows, columns, and two that nobody uses, of 16 bits each. */
function setSize(fd: Slot, { height, width }: { height: number; width: number }): Op {
  const arg = (height & 0xffff) + (width & 0xffff) * 0x10000;
  return { who: 'child', op: 'ioctl', fd, request: k.TIOCSWINSZ, arg, pointer: true };
}

function bindConsole(slave: number, { slots, points }: { slots: Slots; points: MountPoints }): Op[] {
  const slot = slots.passing;
  const flags = k.OPEN_TREE_CLONE | k.OPEN_TREE_CLOEXEC | k.AT_EMPTY_PATH;
  return [
    { who: 'child', op: 'open_tree', dirfd: slave, path: '', flags, slot },
    ...points.file('/dev/console'),
    ...attachSlot(slot, '/dev/console'),
  ];
}

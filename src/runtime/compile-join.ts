// A further process of a running container as a plan: into its namespaces and its cgroup, with the rights that the container
// has. Used by exec. Pure. Parent ops run in a shim of its own (or punnet-runc), which stays outside; child ops in the new
// process, as uid 0 of the container until becomeProcess. setns(2), pidfd_open(2), runtime-spec config.md#process

import { invalidArgument } from '../base/errors.ts';
import type { Spec, SpecProcess } from '../base/oci-runtime.ts';
import * as k from '../native/constants.ts';
import type { Op, Plan } from '../native/ops.ts';
import { joinV1 } from './compile/birth.ts';
import { newMountPoints } from './compile/mount-points.ts';
import { ownNamespaces } from './compile/namespaces.ts';
import { becomeProcess, execve, prepareProcess } from './compile/process.ts';
import { newSlots, type Slots } from './compile/slots.ts';
import { openTerminal } from './compile/terminal.ts';

export interface JoinOptions {
  /**
   * Process of the container, by its number in the pid namespace of whoever walks the plan. The caller checks that it is
   * still the same one (start time) when the plan is held, before it releases it: a number can be given anew.
   */
  pid: number;
  /** absolute directory in the cgroup v2 tree, that of the process or the container's; absent: the walker's own */
  cgroup?: string;
  /** the BPF program of spec.linux.seccomp; required when that is given */
  seccomp?: Uint8Array;
  /** true: the new process lives on when the process that walks the plan ends; otherwise it is killed then */
  survives?: boolean;
  /** true: the walker is in the container's user namespace already, which nobody may enter twice */
  sameUserns?: boolean;
  /** how many descriptors from 3 on the program gets; the caller fills the slots from PRESERVED on with them */
  preserved?: number;
  /** directories of the container's in cgroup v1 */
  cgroupsV1?: readonly string[];
  /** standard streams that are the host's own (its /dev/null) and keep their owner */
  keptStreams?: readonly number[];
}

/**
 * Compiles the plan of `process` inside the container that `spec` made. The child waits in its last `await` when all is set
 * up but the command.
 * @throws invalidArgument, notImplemented: what `process` asks for is wrong or not supported; names the field
 */
export function compileJoin(spec: Spec, process: SpecProcess, options: JoinOptions): Plan {
  const slots = newSlots(options.preserved);
  const target = slots.take();
  const { parent, child } = born(namespacesToJoin(spec, options), { ...options, target, slots });
  return {
    ops: [
      ...parent,
      ...child,
      { who: 'child', op: 'setsid' },
      ...terminal(process, slots),
      ...prepareProcess(process, { keptStreams: options.keptStreams }),
      { who: 'child', op: 'release' },
      { who: 'parent', op: 'await' },
      { who: 'child', op: 'await' },
      ...becomeProcess(spec, process, { seccomp: options.seccomp, survives: options.survives }),
      ...execve(process, options.preserved),
    ],
  };
}

function namespacesToJoin(spec: Spec, { sameUserns }: JoinOptions): number {
  const all = ownNamespaces(spec);
  return sameUserns ? (all & ~k.CLONE_NEWUSER) >>> 0 : all;
}

interface Birth {
  pid: number;
  cgroup?: string;
  cgroupsV1?: readonly string[];
  target: number;
  slots: Slots;
}

/** From the walker's world to a child that has nothing of it left but its standard streams. */
function born(
  namespaces: number,
  { pid, cgroup, cgroupsV1 = [], target, slots }: Birth,
): { parent: Op[]; child: Op[] } {
  if (!Number.isSafeInteger(pid) || pid <= 0) throw invalidArgument(`no process to join: ${pid}`);
  // The child is in the container's pid namespace from its first instruction, with our memory, our program and our user id,
  // which the container's root has too: nobody in there may look at it or through it (CVE-2016-9962, CVE-2019-5736). Before
  // the clone, because after it would be too late; execve ends it.
  const parent: Op[] = [
    { who: 'parent', op: 'prctl', option: k.PR_SET_DUMPABLE, arg2: 0 },
    { who: 'parent', op: 'pidfd_open', pid, slot: target },
  ];
  // By the child's own hand, all at once: so each may belong to the container's user namespace or to ours.
  const child: Op[] = joinV1(cgroupsV1);
  const entered = (namespaces & ~k.CLONE_NEWPID) >>> 0;
  if (entered !== 0) child.push({ who: 'child', op: 'setns', fd: target, nstype: entered });

  const passed = [target];
  const own = namespaces & k.CLONE_NEWPID ? slots.take() : undefined;
  if (own !== undefined) {
    // A pid namespace is entered by one's next child alone. Afterwards the walker goes back, because as long as the two
    // differ it can start no thread. Only the host's root may go back to the host's: a walker without that right must have
    // the threads that it needs, as the shim does, which is one.
    const flags = k.O_RDONLY | k.O_CLOEXEC;
    parent.push({ who: 'parent', op: 'open', path: '/proc/self/ns/pid', flags, slot: own });
    parent.push({ who: 'parent', op: 'setns', fd: target, nstype: k.CLONE_NEWPID });
    passed.push(own);
  }
  if (cgroup === undefined) {
    parent.push({ who: 'parent', op: 'clone3', flags: 0 });
  } else {
    const slot = slots.take();
    const flags = k.O_PATH | k.O_DIRECTORY | k.O_CLOEXEC;
    parent.push({ who: 'parent', op: 'open', path: cgroup, flags, slot });
    parent.push({ who: 'parent', op: 'clone3', flags: 0, cgroup: slot });
    passed.push(slot);
  }
  if (own !== undefined) {
    parent.push({ who: 'parent', op: 'setns', fd: own, nstype: k.CLONE_NEWPID, except: ['EPERM'] });
  }
  for (const fd of passed) parent.push({ who: 'parent', op: 'close', fd });
  // Before any path of the container is followed: its working directory may be /proc/self/fd/N (CVE-2024-21626).
  for (const fd of passed) child.push({ who: 'child', op: 'close', fd });
  if (namespaces & k.CLONE_NEWUSER) child.push(...becomeRoot());
  return { parent, child };
}

/* Whoever the walker was, its ids may be nobody's in there. A map without 0 has no root to be. */
function becomeRoot(): Op[] {
  return [
    { who: 'child', op: 'setresgid', gid: 0, except: ['EINVAL'] },
    { who: 'child', op: 'setresuid', uid: 0, except: ['EINVAL'] },
  ];
}

/* The container's own devpts; its /dev/console is the terminal of its first process. */
function terminal(process: SpecProcess, slots: Slots): Op[] {
  if (!process.terminal) return [];
  return openTerminal(process, { slots, points: newMountPoints(), console: false });
}

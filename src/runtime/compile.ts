// A container as a plan: OCI config.json → the list of ops that native/plan.c walks. Pure, so that it is tested without
// privileges and `--explain` can print it. Parent ops run in the shim (uid 0 of the daemon's user namespace) or in
// punnet-runc, child ops in the new process. The text of each step is in compile/. runtime-spec config.md, runtime.md#lifecycle

import { invalidArgument } from '../base/errors.ts';
import type { Mount } from '../base/mount.ts';
import type { Spec, SpecProcess } from '../base/oci-runtime.ts';
import * as k from '../native/constants.ts';
import type { Op, Plan, Slot } from '../native/ops.ts';
import { compileDevices } from './compile/devices.ts';
import { newMountPoints } from './compile/mount-points.ts';
import { compileMounts, underProc } from './compile/mounts.ts';
import { cloneFlags, hasOwn, isNew, joinNamespaces, joinsOthers, writeIdMaps } from './compile/namespaces.ts';
import { maskPaths, openNull, readonlyPaths, writeSysctls } from './compile/paths.ts';
import { becomeProcess, execve, parentLimits, prepareProcess, programPaths } from './compile/process.ts';
import { hookOps, type HookState } from './compile/hooks.ts';
import { changeRoot, cleanPath, mountRoot, sealRoot, separateMounts } from './compile/root.ts';
import { newSlots, type Slots } from './compile/slots.ts';
import { openTerminal } from './compile/terminal.ts';
import { mapsByUser, mapsOnlySelf, type MappingUser } from './compile/user-maps.ts';

export interface CompileOptions {
  /** absolute path of the root filesystem's mount point, on the side of the daemon */
  rootfs: string;
  /** what is mounted there, in order (snapshotter); empty: the directory is used as it is. An empty target means `rootfs`. */
  rootMounts?: readonly Mount[];
  /** absolute path of the container's directory in the cgroup v2 tree; absent: the container stays in the shim's */
  cgroup?: string;
  /** the BPF program of spec.linux.seccomp; required when that is given */
  seccomp?: Uint8Array;
  /** true: the container lives on when the process that walks its plan ends; otherwise it is killed then */
  survives?: boolean;
  /**
   * Absolute path of a FIFO through which a byte starts the program, whoever is there to walk the plan by then; absent: the
   * walker's release does.
   */
  startFifo?: string;
  /** name of a new session keyring; absent: the walker's keyring stays */
  keyring?: string;
  /** how many descriptors from 3 on the program gets; the caller fills the slots from PRESERVED on with them */
  preserved?: number;
  /** an unprivileged user, who may not write the id maps of the specification at will; absent: the walker may */
  user?: MappingUser;
  /** what hooks are told; absent: the specification's hooks are not run */
  hooks?: HookState;
  /** sources of binds that are not directories; see bind-files.ts */
  files?: ReadonlySet<string>;
  /** standard streams that are the host's own (its /dev/null) and keep their owner */
  keptStreams?: readonly number[];
  /** true where the walker is root of the host, so that device files can be made; else the host's are bound */
  initialUserns?: boolean;
  /** the mount point that `rootfs` lies below, for a shared rootfsPropagation */
  rootfsParent?: string;
  /** changes the root by moving the mount and chroot(2): for a rootfs on a ramdisk, where pivot_root(2) cannot */
  noPivot?: boolean;
}

/**
 * Compiles the plan of a new container: the child waits in its last `await` when all is set up but the command.
 * @throws invalidArgument, notImplemented: what the specification asks for is wrong or not supported; names the field.
 */
export function compilePlan(spec: Spec, options: CompileOptions): Plan {
  const process = spec.process;
  if (!process) throw invalidArgument('config.json has no process');
  if (!isNew(spec, 'mount')) throw invalidArgument('a container needs a new mount namespace');
  const { preserved = 0 } = options;
  const slots = newSlots(preserved);
  const fifo = options.startFifo === undefined ? undefined : slots.take();
  const become = becomeProcess(spec, process, options).filter(
    // A user who maps only themselves has no groups to set. user_namespaces(7)
    ({ op }) => op !== 'setgroups' || !mapsOnlySelf(spec, options.user),
  );
  const hooks = options.hooks ? hookOps(spec, 'startContainer', options.hooks) : [];
  // Before the parent is let go, because the daemon may only be told READY when all is set up.
  const ready: Op[] = [
    { who: 'child', op: 'release' },
    { who: 'parent', op: 'await' },
  ];
  return {
    ops: [
      ...parent(spec, options, { slots, fifo }),
      ...child(spec, process, { options, slots }),
      ...(fifo === undefined
        ? // Until `start`. What follows is quick and cannot fail but for execve.
          [...ready, { who: 'child', op: 'await' } as const, ...become, ...hooks]
        : becomeBeforeStart(process, { become, ready, hooks, fifo })),
      ...execve(process, preserved),
    ],
  };
}

/*
 * Who starts the program cannot hear what fails, so all that can fail comes before. The filter alone stays at the end where
 * it may: else it would have to allow what waiting takes.
 */
function becomeBeforeStart(
  process: SpecProcess,
  { become, ready, hooks, fifo }: { become: Op[]; ready: Op[]; hooks: Op[]; fifo: Slot },
): Op[] {
  const late = process.noNewPrivileges ? become.filter(({ op }) => op === 'seccomp') : [];
  return [
    ...become.filter((op) => !late.includes(op)),
    // Its user may be the container's root by now, and its program is still ours (CVE-2019-5736). execve ends it.
    { who: 'child', op: 'prctl', option: k.PR_SET_DUMPABLE, arg2: 0 },
    { who: 'child', op: 'find_program', paths: programPaths(process) },
    ...ready,
    // Until the container is on record: a child that nobody knows of ends with the walker.
    { who: 'child', op: 'await' },
    { who: 'child', op: 'await_fifo', fd: fifo },
    ...hooks,
    ...late,
  ];
}

interface ParentSlots {
  slots: Slots;
  fifo: Slot | undefined;
}

function parent(spec: Spec, options: CompileOptions, { slots, fifo }: ParentSlots): Op[] {
  const { cgroup, startFifo } = options;
  const ops = joinNamespaces(spec, slots);
  if (startFifo !== undefined && fifo !== undefined) {
    // For both directions, because such an open waits for nobody.
    ops.push({ who: 'parent', op: 'open', path: startFifo, flags: k.O_RDWR | k.O_CLOEXEC, slot: fifo });
  }
  const flags = cloneFlags(spec);
  if (cgroup === undefined) {
    ops.push({ who: 'parent', op: 'clone3', flags });
  } else {
    const slot = slots.passing;
    const open = k.O_PATH | k.O_DIRECTORY | k.O_CLOEXEC;
    ops.push({ who: 'parent', op: 'open', path: cgroup, flags: open, slot });
    ops.push({ who: 'parent', op: 'clone3', flags, cgroup: slot });
    ops.push({ who: 'parent', op: 'close', fd: slot });
    ops.push({ who: 'child', op: 'close', fd: slot });
  }
  if (options.survives) ops.push(...parentLimits(spec));
  const maps = options.user ? mapsByUser(spec, options.user) : writeIdMaps(spec);
  ops.push(...maps, { who: 'parent', op: 'release' });
  if (options.hooks) ops.push(...runtimeHooks(spec, options.hooks).filter(({ who }) => who === 'parent'));
  return ops;
}

/*
 * In the runtime's namespaces and then in the container's, before pivot_root and after the mounts: a hook of either kind can
 * still reach the host's paths, and finds the container's mounts below that of the rootfs. The two sides wait for each other where there is something to wait for.
 */
function runtimeHooks(spec: Spec, state: HookState): Op[] {
  const ours = [...hookOps(spec, 'prestart', state), ...hookOps(spec, 'createRuntime', state)];
  const meeting: Op[] = [
    { who: 'child', op: 'release' },
    { who: 'parent', op: 'await' },
    ...ours,
    { who: 'parent', op: 'release' },
    { who: 'child', op: 'await' },
  ];
  return [...(ours.length > 0 ? meeting : []), ...hookOps(spec, 'createContainer', state)];
}

function child(spec: Spec, process: SpecProcess, context: { options: CompileOptions; slots: Slots }): Op[] {
  const { options, slots } = context;
  const points = newMountPoints();
  const files = options.files ?? new Set<string>();
  const inUserns = hasOwn(spec, 'user') || options.initialUserns !== true;
  const bindCgroup = inUserns && !isNew(spec, 'cgroup');
  const mounts = compileMounts(spec.mounts ?? [], { slots, points, files, bindCgroup });
  const devices = compileDevices(spec, { slots, points, mknod: !inUserns });
  const nullDevice = openNull(spec, slots);
  const old = slots.take();
  const ownDev = (spec.mounts ?? []).some((m) => cleanPath(m.destination) === '/dev' && m.type === 'tmpfs');
  const hooks = options.hooks ? runtimeHooks(spec, options.hooks).filter(({ who }) => who === 'child') : [];
  const root = changeRoot(options.rootfs, { old, hooks, noPivot: options.noPivot === true });

  return [
    // Until the parent has written the id maps: before, the child is nobody and may nothing.
    { who: 'child', op: 'await' },
    ...(joinsOthers(spec) ? [NOBODY_LOOKS_IN] : []),
    { who: 'child', op: 'setsid' },
    ...(options.keyring === undefined ? [] : [keyring(options.keyring)]),
    ...cgroupNamespace(spec),
    ...separateMounts(spec, options.rootfsParent),
    { who: 'child', op: 'open', path: '/', flags: k.O_PATH | k.O_DIRECTORY | k.O_CLOEXEC, slot: old },
    ...mounts.open,
    ...devices.open,
    ...nullDevice.open,
    ...mountRoot(options.rootfs, options.rootMounts ?? []),
    ...root.enter,
    ...mounts.attach,
    ...devices.attach,
    // The working directory is made when the image lacks it; before proc, as all mount points.
    ...(underProc(cleanPath(process.cwd)) ? [] : points.directory(cleanPath(process.cwd))),
    ...(process.terminal ? openTerminal(process, { slots, points, console: ownDev }) : []),
    ...mounts.proc,
    ...root.change,
    ...writeSysctls(spec),
    ...readonlyPaths(spec),
    ...maskPaths(spec, nullDevice.slot),
    ...root.drop,
    ...mounts.seal,
    ...sealRoot(spec),
    ...names(spec),
    ...(isNew(spec, 'network') ? [{ who: 'child', op: 'link_up', name: 'lo' } as const] : []),
    ...prepareProcess(process, { limits: options.survives !== true, keptStreams: options.keptStreams }),
  ];
}

/* Where the kernel has none, or the user has used up theirs, the container shares the walker's, as with runc. */
function keyring(name: string): Op {
  return { who: 'child', op: 'keyring', name, except: ['ENOSYS', 'EDQUOT', 'EPERM'] };
}

/* Whoever is in those namespaces already could open this process's files and program until execve (CVE-2019-5736). */
const NOBODY_LOOKS_IN: Op = { who: 'child', op: 'prctl', option: k.PR_SET_DUMPABLE, arg2: 0 };

function cgroupNamespace(spec: Spec): Op[] {
  return isNew(spec, 'cgroup') ? [{ who: 'child', op: 'unshare', flags: k.CLONE_NEWCGROUP }] : [];
}

function names(spec: Spec): Op[] {
  const ops: Op[] = [];
  if (spec.hostname) ops.push({ who: 'child', op: 'sethostname', name: spec.hostname });
  if (spec.domainname) ops.push({ who: 'child', op: 'setdomainname', name: spec.domainname });
  if (ops.length > 0 && !hasOwn(spec, 'uts')) {
    throw invalidArgument('unable to set hostname without a private UTS namespace');
  }
  return ops;
}

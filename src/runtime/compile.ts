// A container as a plan: OCI config.json → the list of ops that native/plan.c walks. Pure, so that it is tested without
// privileges and `--explain` can print it. Parent ops run in the shim (uid 0 of the daemon's user namespace) or in
// punnet-runc, child ops in the new process. The text of each step is in compile/. runtime-spec config.md, runtime.md#lifecycle

import { invalidArgument } from '../base/errors.ts';
import type { Mount } from '../base/mount.ts';
import type { Spec, SpecProcess } from '../base/oci-runtime.ts';
import * as k from '../native/constants.ts';
import type { Op, Plan, Slot } from '../native/ops.ts';
import { birth } from './compile/birth.ts';
import { compileDevices } from './compile/devices.ts';
import { newMountPoints } from './compile/mount-points.ts';
import { compileMounts, underProc } from './compile/mounts.ts';
import { asksAgent, listenerOps } from './compile/filter.ts';
import { becomeRoot, hasOwn, isNew } from './compile/namespaces.ts';
import { netDeviceOps, type DeviceAddresses } from './compile/net-devices.ts';
import { maskPaths, openNull, readonlyPaths, writeSysctls } from './compile/paths.ts';
import { becomeProcess, execve, prepareProcess, programPaths, type SecurityModules } from './compile/process.ts';
import { hookOps, type HookState } from './compile/hooks.ts';
import { changeRoot, cleanPath, mountRoot, sealRoot, separateMounts } from './compile/root.ts';
import { newSlots, type Slots } from './compile/slots.ts';
import { openTerminal } from './compile/terminal.ts';
import { mapsOnlySelf, type MappingUser } from './compile/user-maps.ts';

export interface CompileOptions {
  /** absolute path of the root filesystem's mount point, on the side of the daemon */
  rootfs: string;
  /** what is mounted there, in order (snapshotter); empty: the directory is used as it is. An empty target means `rootfs`. */
  rootMounts?: readonly Mount[];
  /** absolute path of the container's directory in the cgroup v2 tree; absent: the container stays in the shim's */
  cgroup?: string;
  /** its directories in cgroup v1, where there are any */
  cgroupsV1?: readonly string[];
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
  /** security modules that the kernel has enabled; absent: none */
  lsm?: SecurityModules;
  /** what devices of linux.netDevices have, by name */
  addresses?: DeviceAddresses;
}

/**
 * Compiles the plan of a new container: the child waits in its last `await` when all is set up but the command.
 * @throws invalidArgument, notImplemented: what the specification asks for is wrong or not supported; names the field.
 */
export function compilePlan(spec: Spec, options: CompileOptions): Plan {
  const process = spec.process;
  if (!process) throw invalidArgument('config.json has no process');
  if (!hasOwn(spec, 'mount')) throw invalidArgument('a container needs a new mount namespace');
  const { preserved = 0 } = options;
  const slots = newSlots(preserved);
  const fifo = options.startFifo === undefined ? undefined : slots.take();
  const notify = asksAgent(spec.linux?.seccomp) && options.hooks !== undefined;
  const listener = notify ? listenerOps(spec, { state: options.hooks!, slots, status: 'creating' }) : [];
  const become = becomeProcess(spec, process, { ...options, ...(notify ? { listener: slots.passing } : {}) }).filter(
    // A user who maps only themselves has no groups to set. user_namespaces(7)
    ({ op }) => op !== 'setgroups' || !mapsOnlySelf(spec, options.user),
  );
  const hooks = options.hooks ? hookOps(spec, 'startContainer', options.hooks) : [];
  // Before the parent is let go, because the daemon may only be told READY when all is set up.
  const ready: Op[] = [...listener, { who: 'child', op: 'release' }, { who: 'parent', op: 'await' }];
  const early = fifo !== undefined || notify;
  return {
    ops: [
      ...openFifo(options, fifo),
      ...setUp(spec, process, { options, slots }),
      ...(early
        ? becomeBeforeStart(process, { become, ready, hooks, fifo, notify })
        : // Until `start`. What follows is quick and cannot fail but for execve.
          [...ready, { who: 'child', op: 'await' } as const, ...become, ...hooks]),
      ...execve(process, preserved),
    ],
  };
}

/* For both directions, because such an open waits for nobody. */
function openFifo({ startFifo }: CompileOptions, slot: Slot | undefined): Op[] {
  if (startFifo === undefined || slot === undefined) return [];
  return [{ who: 'parent', op: 'open', path: startFifo, flags: k.O_RDWR | k.O_CLOEXEC, slot }];
}

/*
 * Who starts the program cannot hear what fails, so all that can fail comes before. The filter alone stays at the end where
 * it may: else it would have to allow what waiting takes.
 */
function becomeBeforeStart(
  process: SpecProcess,
  {
    become,
    ready,
    hooks,
    fifo,
    notify,
  }: { become: Op[]; ready: Op[]; hooks: Op[]; fifo: Slot | undefined; notify: boolean },
): Op[] {
  // An agent must be told while the parent is there to tell it.
  const late = process.noNewPrivileges && !notify ? become.filter(({ op }) => op === 'seccomp') : [];
  const find: Op = { who: 'child', op: 'find_program', paths: programPaths(process) };
  const first = become.filter((op) => !late.includes(op));
  // As its user, but for a filter that comes first and may not know how we look.
  const filtered = first.some(({ op }) => op === 'seccomp');
  return [
    ...(filtered ? [find, ...first] : [...first, find]),
    // Its user may be the container's root by now, and its program is still ours (CVE-2019-5736). execve ends it.
    { who: 'child', op: 'prctl', option: k.PR_SET_DUMPABLE, arg2: 0 },
    ...ready,
    // Until the container is on record: a child that nobody knows of ends with the walker.
    { who: 'child', op: 'await' },
    ...(fifo === undefined ? [] : [{ who: 'child', op: 'await_fifo', fd: fifo } as const]),
    ...hooks,
    ...late,
  ];
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

function setUp(spec: Spec, process: SpecProcess, { options, slots }: { options: CompileOptions; slots: Slots }): Op[] {
  const { linux = {}, mounts: wanted = [] } = spec;
  const points = newMountPoints();
  const inUserns = hasOwn(spec, 'user') || options.initialUserns !== true;
  const born = birth(spec, options, slots);
  const mounts = compileMounts(wanted, {
    slots,
    points,
    files: options.files ?? new Set<string>(),
    bindCgroup: inUserns && !hasOwn(spec, 'cgroup'),
    label: linux.mountLabel,
    maps: { uid: linux.uidMappings ?? [], gid: linux.gidMappings ?? [] },
  });
  const devices = compileDevices(spec, { slots, points, mknod: !inUserns });
  const network = netDeviceOps(spec, options.addresses);
  const nullDevice = openNull(spec, slots);
  const old = slots.take();
  const ownDev = wanted.some((m) => cleanPath(m.destination) === '/dev' && m.type === 'tmpfs');
  const runtime = options.hooks ? runtimeHooks(spec, options.hooks) : [];
  const hooks = runtime.filter(({ who }) => who === 'child');
  const root = changeRoot(options.rootfs, { old, hooks, noPivot: options.noPivot === true });

  return [
    ...mounts.parent,
    ...born.parent,
    ...network.parent,
    // The child goes on, as root of its user namespace.
    { who: 'parent', op: 'release' },
    ...runtime.filter(({ who }) => who === 'parent'),

    ...born.child,
    // The shim's root is mapped; root of the host need not be.
    ...(options.survives && isNew(spec, 'user') ? becomeRoot : []),
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
    // The working directory is made when the image lacks it, as a mount point is.
    ...(underProc(cleanPath(process.cwd)) ? [] : points.directory(cleanPath(process.cwd))),
    ...(process.terminal ? openTerminal(process, { slots, points, console: ownDev }) : []),
    ...mounts.follow,
    ...root.change,
    ...(isNew(spec, 'network') ? [{ who: 'child', op: 'link_up', name: 'lo' } as const] : []),
    ...network.child,
    ...writeSysctls(spec),
    ...readonlyPaths(spec),
    ...maskPaths(spec, nullDevice.slot),
    ...root.drop,
    ...mounts.seal,
    ...sealRoot(spec),
    ...names(spec),
    ...prepareProcess(process, {
      limits: options.survives !== true,
      keptStreams: options.keptStreams,
      linux,
      lsm: options.lsm,
    }),
  ];
}

/* Where the kernel has none, or the user has used up theirs, the container shares the walker's, as with runc. */
function keyring(name: string): Op {
  return { who: 'child', op: 'keyring', name, except: ['ENOSYS', 'EDQUOT', 'EPERM'] };
}

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

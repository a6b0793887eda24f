// A container as a plan: OCI config.json → the list of ops that native/plan.c walks. Pure, so that it is tested without
// privileges and `--explain` can print it. Parent ops run in the shim (uid 0 of the daemon's user namespace), child ops in
// the new process. The text of each step is in compile/. runtime-spec config.md, runtime.md#lifecycle

import { invalidArgument } from '../base/errors.ts';
import type { Mount } from '../base/mount.ts';
import type { Spec, SpecProcess } from '../base/oci-runtime.ts';
import * as k from '../native/constants.ts';
import type { Op, Plan } from '../native/ops.ts';
import { compileDevices } from './compile/devices.ts';
import { newMountPoints } from './compile/mount-points.ts';
import { compileMounts, underProc } from './compile/mounts.ts';
import { cloneFlags, isNew, joinNamespaces, writeIdMaps } from './compile/namespaces.ts';
import { maskPaths, openNull, readonlyPaths, writeSysctls } from './compile/paths.ts';
import { becomeProcess, execve, prepareProcess } from './compile/process.ts';
import { cleanPath, dropOldRoot, mountRoot, pivot, sealRoot } from './compile/root.ts';
import { newSlots, type Slots } from './compile/slots.ts';
import { openTerminal } from './compile/terminal.ts';

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
  /** sources of binds that are not directories; see bind-files.ts */
  files?: ReadonlySet<string>;
}

/**
 * Compiles the plan of a new container: the child waits in its last `await` when all is set up but the command.
 * @throws invalidArgument, notImplemented: what the specification asks for is wrong or not supported; names the field.
 */
export function compilePlan(spec: Spec, options: CompileOptions): Plan {
  const process = spec.process;
  if (!process) throw invalidArgument('config.json has no process');
  if (!isNew(spec, 'mount')) throw invalidArgument('a container needs a new mount namespace');
  const slots = newSlots();
  return {
    ops: [
      ...parent(spec, options, slots),
      ...child(spec, process, { options, slots }),
      // Before the child is held, because the daemon may only be told READY when all is set up.
      { who: 'child', op: 'release' },
      { who: 'parent', op: 'await' },
      // Until `start`. What follows is quick and cannot fail but for execve.
      { who: 'child', op: 'await' },
      ...becomeProcess(spec, process, { seccomp: options.seccomp, survives: options.survives }),
      ...execve(process),
    ],
  };
}

function parent(spec: Spec, { cgroup }: CompileOptions, slots: Slots): Op[] {
  const ops = joinNamespaces(spec, slots);
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
  ops.push(...writeIdMaps(spec), { who: 'parent', op: 'release' });
  return ops;
}

function child(spec: Spec, process: SpecProcess, context: { options: CompileOptions; slots: Slots }): Op[] {
  const { options, slots } = context;
  const points = newMountPoints();
  const files = options.files ?? new Set<string>();
  const mounts = compileMounts(spec.mounts ?? [], { slots, points, files });
  const devices = compileDevices(spec, { slots, points });
  const nullDevice = openNull(spec, slots);
  const old = slots.take();
  const ownDev = (spec.mounts ?? []).some((m) => cleanPath(m.destination) === '/dev' && m.type === 'tmpfs');

  return [
    // Until the parent has written the id maps: before, the child is nobody and may nothing.
    { who: 'child', op: 'await' },
    { who: 'child', op: 'setsid' },
    ...cgroupNamespace(spec),
    { who: 'child', op: 'open', path: '/', flags: k.O_PATH | k.O_DIRECTORY | k.O_CLOEXEC, slot: old },
    ...mounts.open,
    ...devices.open,
    ...nullDevice.open,
    ...mountRoot(options.rootfs, options.rootMounts ?? []),
    ...pivot(options.rootfs),
    ...mounts.attach,
    ...devices.attach,
    // The working directory is made when the image lacks it; before proc, as all mount points.
    ...(underProc(cleanPath(process.cwd)) ? [] : points.directory(cleanPath(process.cwd))),
    ...(process.terminal ? openTerminal({ slots, points }, { console: ownDev, uid: process.user.uid }) : []),
    ...mounts.proc,
    ...writeSysctls(spec),
    ...readonlyPaths(spec),
    ...maskPaths(spec, nullDevice.slot),
    ...dropOldRoot(old),
    ...mounts.seal,
    ...sealRoot(spec),
    ...names(spec),
    ...(isNew(spec, 'network') ? [{ who: 'child', op: 'link_up', name: 'lo' } as const] : []),
    ...prepareProcess(process),
  ];
}

function cgroupNamespace(spec: Spec): Op[] {
  return isNew(spec, 'cgroup') ? [{ who: 'child', op: 'unshare', flags: k.CLONE_NEWCGROUP }] : [];
}

function names(spec: Spec): Op[] {
  const ops: Op[] = [];
  if (spec.hostname) ops.push({ who: 'child', op: 'sethostname', name: spec.hostname });
  if (spec.domainname) ops.push({ who: 'child', op: 'setdomainname', name: spec.domainname });
  if (ops.length > 0 && !isNew(spec, 'uts')) throw invalidArgument('a hostname needs a new uts namespace');
  return ops;
}

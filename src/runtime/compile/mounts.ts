// spec.mounts → ops. Sources of binds are opened as detached copies before pivot_root, because afterwards the host's paths are
// out of reach; everything is mounted after it by paths inside the container. proc comes last: until then no magic link
// exists under the new root. Child only. mount(2), open_tree(2), move_mount(2), mount_setattr(2)

import { invalidArgument, PunnetError } from '../../base/errors.ts';
import type { SpecMount } from '../../base/oci-runtime.ts';
import * as k from '../../native/constants.ts';
import type { Op, Slot } from '../../native/ops.ts';
import { parseMountOptions, type MountAttributes, type MountOptions } from '../mount-options.ts';
import type { MountPoints } from './mount-points.ts';
import { cleanPath } from './root.ts';
import type { Slots } from './slots.ts';

export interface CompiledMounts {
  /** before pivot_root: detached copies of the sources */
  open: Op[];
  /** after it */
  attach: Op[];
  /** after everything that follows paths: proc and what lies under it */
  proc: Op[];
  /** what was mounted writable to be filled, and is to be read-only */
  seal: Op[];
}

type Attachment = Omit<CompiledMounts, 'proc'>;

interface Place {
  mount: SpecMount;
  destination: string;
  options: MountOptions;
}

/**
 * @param files sources of binds that are not directories
 * @param bindCgroup where the cgroup namespace is not the container's own, its root may not mount the tree: it is bound
 */
export function compileMounts(
  mounts: readonly SpecMount[],
  context: { slots: Slots; points: MountPoints; files: ReadonlySet<string>; bindCgroup: boolean },
): CompiledMounts {
  const result: CompiledMounts = { open: [], attach: [], proc: [], seal: [] };
  const places = mounts.map((mount) => place(context.bindCgroup ? boundCgroup(mount) : mount));
  for (const each of [
    ...places.filter((p) => !underProc(p.destination)),
    ...places.filter((p) => underProc(p.destination)),
  ]) {
    const compiled = each.options.bind ? bind(each, context) : filesystem(each, context);
    result.open.push(...compiled.open);
    (underProc(each.destination) ? result.proc : result.attach).push(...compiled.attach);
    result.seal.push(...compiled.seal);
    context.points.covered(each.destination);
  }
  return result;
}

function place(mount: SpecMount): Place {
  const destination = cleanPath(mount.destination);
  if (destination === '/') throw invalidArgument(`invalid mount: destination can't be '/'`);
  if (mount.uidMappings?.length || mount.gidMappings?.length) {
    throw new PunnetError('notImplemented', `id-mapped mount on ${destination} is not supported`);
  }
  const options = parseMountOptions(mount.options, mount.type);
  if (options.copyUp) throw new PunnetError('notImplemented', `tmpcopyup on ${destination} is not supported`);
  checkProc(mount, destination);
  return { mount, destination, options };
}

function boundCgroup(mount: SpecMount): SpecMount {
  if (mount.type !== 'cgroup' && mount.type !== 'cgroup2') return mount;
  return { ...mount, type: 'bind', source: '/sys/fs/cgroup', options: ['rbind', ...(mount.options ?? [])] };
}

/** @param destination a clean absolute path */
export function underProc(destination: string): boolean {
  return destination === '/proc' || destination.startsWith('/proc/');
}

/* The files of /proc that lxcfs replaces. */
const REPLACEABLE = new Set(
  ['cpuinfo', 'diskstats', 'meminfo', 'stat', 'swaps', 'uptime', 'loadavg', 'slabinfo', 'sys/kernel/ns_last_pid'].map(
    (name) => `/proc/${name}`,
  ),
);

/* A volume over /proc would take masked paths away and feed lies to the runtime itself: CVE-2019-16884, CVE-2023-27561. */
function checkProc(mount: SpecMount, destination: string): void {
  if (mount.type === 'proc' || !underProc(destination)) return;
  if (destination === '/proc' && mount.source !== undefined && cleanPath(mount.source) === '/proc') return;
  if (REPLACEABLE.has(destination)) return;
  throw invalidArgument(`${JSON.stringify(destination)} cannot be mounted because it is inside /proc`);
}

function bind(
  { mount, destination, options }: Place,
  { slots, points, files }: { slots: Slots; points: MountPoints; files: ReadonlySet<string> },
): Attachment {
  if (!mount.source) throw invalidArgument(`bind mount on ${destination} has no source`);
  const slot = slots.take();
  const recursive = options.recursive ? k.AT_RECURSIVE : 0;
  const flags = k.OPEN_TREE_CLONE | k.OPEN_TREE_CLOEXEC | recursive;
  const open: Op[] = [{ who: 'child', op: 'open_tree', path: mount.source, flags, slot }];
  open.push(...setAttributes(slot, options));
  const point = files.has(mount.source) ? points.file(destination) : points.directory(destination);
  const attach: Op[] = [...point, ...realDirectory(destination, slots), ...attachSlot(slot, destination)];
  return { open, attach, seal: [] };
}

/** Moves the detached mount in `slot` to `target` and closes the slot. */
export function attachSlot(slot: Slot, target: string): Op[] {
  return [
    { who: 'child', op: 'move_mount', from: slot, target },
    { who: 'child', op: 'close', fd: slot },
  ];
}

function setAttributes(fd: Slot, options: MountOptions): Op[] {
  const ops: Op[] = [];
  const emit = (flags: number, { set, clear }: MountAttributes, propagation: number): void => {
    if (set === 0 && clear === 0 && propagation === 0) return;
    ops.push({ who: 'child', op: 'mount_setattr', fd, flags: flags | k.AT_EMPTY_PATH, set, clear, propagation });
  };
  const deep = options.recursivePropagation ? options.propagation : 0;
  emit(k.AT_RECURSIVE, options.recursiveAttributes, deep);
  emit(0, options.attributes, options.propagation - deep);
  return ops;
}

function filesystem(
  { mount, destination, options }: Place,
  { slots, points }: { slots: Slots; points: MountPoints },
): Attachment {
  const fstype = mount.type === 'cgroup' ? 'cgroup2' : mount.type;
  if (!fstype) throw invalidArgument(`mount on ${destination} has no type`);
  // The device files go into /dev after it was mounted; only then can it become read-only.
  const late = destination === '/dev' && (options.flags & k.MS_RDONLY) !== 0;
  const flags = late ? options.flags & ~k.MS_RDONLY : options.flags;
  const source = mount.source ?? fstype;
  const attach: Op[] = [
    ...points.directory(destination),
    ...realDirectory(destination, slots),
    { who: 'child', op: 'mount', source, target: destination, fstype, flags, data: options.data },
  ];
  if (options.propagation !== 0) {
    const change = options.propagation | (options.recursivePropagation ? k.MS_REC : 0);
    attach.push({
      who: 'child',
      op: 'mount',
      source: null,
      target: destination,
      fstype: null,
      flags: change,
      data: null,
    });
  }
  const set = k.MOUNT_ATTR_RDONLY;
  const seal: Op[] = late
    ? [{ who: 'child', op: 'mount_setattr', path: destination, flags: 0, set, clear: 0, propagation: 0 }]
    : [];
  return { open: [], attach, seal };
}

/*
 * /proc and /sys must be directories of the image, not links: else a link would decide where the paths lie that are masked
 * afterwards (CVE-2019-19921).  */
function realDirectory(destination: string, slots: Slots): Op[] {
  if (destination !== '/proc' && destination !== '/sys') return [];
  const slot = slots.passing;
  const flags = k.O_PATH | k.O_DIRECTORY | k.O_NOFOLLOW | k.O_CLOEXEC;
  const resolve = k.RESOLVE_NO_SYMLINKS;
  return [
    { who: 'child', op: 'openat2', path: destination, flags, resolve, slot },
    { who: 'child', op: 'close', fd: slot },
  ];
}

// spec.mounts → ops. Sources of binds are opened before pivot_root, because afterwards the host's paths are out of reach;
// everything is mounted after it, in the order of the list, by paths inside the container. What is a proc lets no link be
// followed until all that is done, magic links least of all. Child only. mount(2), open_tree(2), move_mount(2)

import { invalidArgument } from '../../base/errors.ts';
import type { IdMapping, SpecMount } from '../../base/oci-runtime.ts';
import * as k from '../../native/constants.ts';
import type { Op, Slot } from '../../native/ops.ts';
import { parseMountOptions, type MountAttributes, type MountOptions } from '../mount-options.ts';
import type { MountPoints } from './mount-points.ts';
import { mapText } from './namespaces.ts';
import { cleanPath } from './root.ts';
import type { Slots } from './slots.ts';

export interface CompiledMounts {
  /** by the parent, before the clone: sources that only the host's root may map ids of */
  parent: Op[];
  /** before pivot_root: the sources */
  open: Op[];
  /** after it */
  attach: Op[];
  /** after everything that follows paths of the image: links in proc are links again */
  follow: Op[];
  /** what was mounted writable to be filled, and is to be read-only */
  seal: Op[];
}

export interface MountContext {
  slots: Slots;
  points: MountPoints;
  /** sources of binds that are not directories */
  files: ReadonlySet<string>;
  /** where the cgroup namespace is not the container's own, its root may not mount the tree: it is bound */
  bindCgroup: boolean;
  /** SELinux label of files on new filesystems */
  label?: string | undefined;
  /** the id maps of the container, for mounts that have none of their own */
  maps: { uid: readonly IdMapping[]; gid: readonly IdMapping[] };
}

interface Place {
  mount: SpecMount;
  destination: string;
  options: MountOptions;
}

/** @throws invalidArgument for a mount that cannot be, naming its destination */
export function compileMounts(mounts: readonly SpecMount[], context: MountContext): CompiledMounts {
  const result = nothing();
  for (const mount of mounts) {
    const each = place(context.bindCgroup ? boundCgroup(mount) : mount);
    const compiled = compileMount(each, context);
    for (const [when, ops] of Object.entries(compiled) as [keyof CompiledMounts, Op[]][]) result[when].push(...ops);
    context.points.covered(each.destination);
  }
  return result;
}

function nothing(): CompiledMounts {
  return { parent: [], open: [], attach: [], follow: [], seal: [] };
}

function compileMount(each: Place, context: MountContext): CompiledMounts {
  if (each.options.remount) return remount(each);
  return each.options.bind ? bind(each, context) : filesystem(each, context);
}

function place(mount: SpecMount): Place {
  const destination = cleanPath(mount.destination);
  if (destination === '/') throw invalidArgument(`invalid mount: destination can't be '/'`);
  const options = parseMountOptions(mount.options, mount.type);
  if (options.copyUp && mount.type !== 'tmpfs')
    throw invalidArgument(`tmpcopyup on ${destination}: only a tmpfs can be filled`);
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

/* The flags of what is mounted there: of the mount alone, or (without `bind`) of its filesystem. */
function remount({ destination, options }: Place): CompiledMounts {
  const flags = k.MS_REMOUNT | options.flags | (options.bind ? k.MS_BIND : 0);
  const mount = { source: null, target: destination, fstype: null, flags, data: options.data };
  return { ...nothing(), attach: [{ who: 'child', op: 'mount', ...mount }] };
}

function bind({ mount, destination, options }: Place, context: MountContext): CompiledMounts {
  const { slots, points, files } = context;
  if (!mount.source) throw invalidArgument(`bind mount on ${destination} has no source`);
  const slot = slots.take();
  const clone = k.OPEN_TREE_CLONE | k.OPEN_TREE_CLOEXEC | (options.recursive ? k.AT_RECURSIVE : 0);
  const parent = mapIds({ mount, destination, options }, slot, context);
  const result = nothing();
  const place: Op[] = [];
  if (parent.length > 0) {
    // By the parent, because only root of the source's filesystem may map its ids.
    result.parent.push({ who: 'parent', op: 'open_tree', path: mount.source, flags: clone, slot }, ...parent);
  } else {
    // Only held, and copied in its turn: mountinfo(5) has mounts in the order in which they were made.
    result.open.push({ who: 'child', op: 'open_tree', path: mount.source, flags: k.OPEN_TREE_CLOEXEC, slot });
    const flags = clone | k.AT_EMPTY_PATH;
    place.push({ who: 'child', op: 'open_tree', dirfd: slot, path: '', flags, slot });
  }
  const { set } = options.attributes;
  const still = destination === '/proc' && ((set | options.recursiveAttributes.set) & NO_LINKS) === 0;
  const attributes = still ? { ...options.attributes, set: set | NO_LINKS } : options.attributes;
  const point = files.has(mount.source) ? points.file(destination) : points.directory(destination);
  place.push(...setAttributes(slot, { ...options, attributes }));
  result.attach.push(...point, ...realDirectory(destination, slots), ...place, ...attachSlot(slot, destination));
  const back = { path: destination, flags: 0, set: 0, clear: NO_LINKS, propagation: 0 };
  if (still) result.follow.push({ who: 'child', op: 'mount_setattr', ...back });
  return result;
}

const NO_LINKS = k.MOUNT_ATTR_NOSYMFOLLOW;

/* A user namespace that has the maps, and the source seen through it. */
function mapIds({ mount, destination, options }: Place, slot: Slot, { slots, maps }: MountContext): Op[] {
  const own = (mount.uidMappings?.length ?? 0) > 0 || (mount.gidMappings?.length ?? 0) > 0;
  if (!own && options.idmap === '') return [];
  const { uid, gid } = own ? { uid: mount.uidMappings ?? [], gid: mount.gidMappings ?? [] } : maps;
  if (uid.length === 0 || gid.length === 0) {
    throw invalidArgument(
      `id-mapped mount on ${destination} needs both uidMappings and gidMappings, of the mount or of the container`,
    );
  }
  const userns = slots.passing;
  const flags = k.AT_EMPTY_PATH | (options.idmap === 'ridmap' ? k.AT_RECURSIVE : 0);
  const set = k.MOUNT_ATTR_IDMAP;
  return [
    { who: 'parent', op: 'userns', uid_map: mapText(uid), gid_map: mapText(gid), slot: userns },
    { who: 'parent', op: 'mount_setattr', fd: slot, flags, set, clear: 0, propagation: 0, userns },
    { who: 'parent', op: 'close', fd: userns },
  ];
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

function filesystem({ mount, destination, options }: Place, { slots, points, label }: MountContext): CompiledMounts {
  const fstype = mount.type === 'cgroup' ? 'cgroup2' : mount.type;
  if (!fstype) throw invalidArgument(`mount on ${destination} has no type`);
  // Device files go into /dev, and copies into what is filled, after it was mounted; only then can it become read-only.
  const late = (destination === '/dev' || options.copyUp) && (options.flags & k.MS_RDONLY) !== 0;
  // A link of the image, or of a volume that is being changed, must not lead through /proc/self/fd to the host (CVE-2024-21626).
  const still = fstype === 'proc' && (options.flags & k.MS_NOSYMFOLLOW) === 0;
  const flags = (late ? options.flags & ~k.MS_RDONLY : options.flags) | (still ? k.MS_NOSYMFOLLOW : 0);
  const source = mount.source ?? fstype;
  const data = [options.data, label === undefined || UNLABELLED.has(fstype) ? null : `context="${label}"`];
  const text = data.filter((each) => each !== null).join(',') || null;
  const attach: Op[] = [
    ...points.directory(destination),
    ...realDirectory(destination, slots),
    { who: 'child', op: 'mount', source, target: destination, fstype, flags, data: text },
  ];
  if (options.copyUp) {
    // What lies below is held before the tmpfs covers it.
    const [slot, held] = [slots.passing, k.O_PATH | k.O_DIRECTORY | k.O_CLOEXEC];
    attach.splice(-1, 0, { who: 'child', op: 'open', path: destination, flags: held, slot });
    attach.push(
      { who: 'child', op: 'copy_tree', from: slot, to: destination },
      { who: 'child', op: 'close', fd: slot },
    );
  }
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
  const back = { source: null, target: destination, fstype: null, flags: k.MS_REMOUNT | k.MS_BIND | options.flags };
  const follow: Op[] = still ? [{ who: 'child', op: 'mount', ...back, data: null }] : [];
  return { ...nothing(), attach, follow, seal };
}

/* Filesystems that SELinux labels by itself. */
const UNLABELLED = new Set(['proc', 'sysfs', 'cgroup2', 'mqueue']);

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

// spec.linux.namespaces → clone flags, joins and id maps. New namespaces come with clone3 in one step, so that all belong to
// the new user namespace; cgroup and time come later, by unshare in the child: the one would be rooted at the cgroup of the
// parent, the other has its offsets written first. Pure. namespaces(7), user_namespaces(7), cgroup_namespaces(7)

import { invalidArgument, PunnetError } from '../../base/errors.ts';
import type { IdMapping, NamespaceType, Spec } from '../../base/oci-runtime.ts';
import * as k from '../../native/constants.ts';
import type { Op } from '../../native/ops.ts';
import type { Slots } from './slots.ts';

/** CLONE_* of each type that a configuration may name. */
export const FLAGS: Record<NamespaceType, number> = {
  user: k.CLONE_NEWUSER,
  mount: k.CLONE_NEWNS,
  pid: k.CLONE_NEWPID,
  network: k.CLONE_NEWNET,
  ipc: k.CLONE_NEWIPC,
  uts: k.CLONE_NEWUTS,
  cgroup: k.CLONE_NEWCGROUP,
  time: k.CLONE_NEWTIME,
};

/** True when the container gets a new namespace of this type. */
export function isNew(spec: Spec, type: NamespaceType): boolean {
  return (spec.linux?.namespaces ?? []).some((namespace) => namespace.type === type && !namespace.path);
}

/** True when the container has a namespace of this type that is not the host's: a new one, or one that it joins. */
export function hasOwn(spec: Spec, type: NamespaceType): boolean {
  return (spec.linux?.namespaces ?? []).some((namespace) => namespace.type === type);
}

/** True when it joins a namespace in which there are other processes. */
export function joinsOthers(spec: Spec): boolean {
  return (spec.linux?.namespaces ?? []).some((namespace) => namespace.path);
}

/** CLONE_* of the namespaces that clone3 makes. */
export function cloneFlags(spec: Spec): number {
  let flags = 0;
  for (const { type, path } of spec.linux?.namespaces ?? []) {
    if (!Object.hasOwn(FLAGS, type)) throw invalidArgument(`unknown namespace ${JSON.stringify(type)}`);
    if (!path && type !== 'cgroup' && type !== 'time') flags |= FLAGS[type];
  }
  return flags >>> 0;
}

/**
 * CLONE_* of all namespaces that the container does not share with whoever made it, be they new or joined: those that a
 * further process of it must enter.
 */
export function ownNamespaces(spec: Spec): number {
  return (spec.linux?.namespaces ?? []).reduce((flags, { type }) => flags | FLAGS[type], 0) >>> 0;
}

/** Parent: joins the namespaces that are given by path, so that the child is born in them. */
export function joinNamespaces(spec: Spec, slots: Slots): Op[] {
  const ops: Op[] = [];
  for (const { type, path } of spec.linux?.namespaces ?? []) {
    if (!path) continue;
    if (type === 'user' || type === 'mount' || type === 'time') {
      throw new PunnetError('notImplemented', `joining a ${type} namespace (${path}) is not supported`);
    }
    const slot = slots.passing;
    ops.push({ who: 'parent', op: 'open', path, flags: k.O_RDONLY | k.O_CLOEXEC, slot });
    ops.push({ who: 'parent', op: 'setns', fd: slot, nstype: FLAGS[type] });
    ops.push({ who: 'parent', op: 'close', fd: slot });
  }
  return ops;
}

/* The user namespace first, because it gives the right to join the others; the mount namespace last, because it takes the
 * host's paths away. */
const ORDER: readonly NamespaceType[] = ['user', 'pid', 'network', 'ipc', 'uts', 'cgroup', 'time', 'mount'];

/** How a child that is born in its walker's namespaces comes into its own. */
export interface Entry {
  /** before the clone */
  parent: Op[];
  /** before the id maps of a new user namespace are written */
  before: Op[];
  /** after it */
  after: Op[];
}

/**
 * For a walker that goes on after the container is made, and must not change its own namespaces: the child joins those that are
 * given by path, in the walker's user namespace or in the one that it joins, makes the others, and forks where its pid
 * namespace is another one by now.
 */
export function enterNamespaces(spec: Spec, slots: Slots): Entry {
  const entry: Entry = { parent: [], before: [], after: [] };
  const all = spec.linux?.namespaces ?? [];
  const joined = ORDER.flatMap((type) => all.filter((namespace) => namespace.type === type && namespace.path));
  const places = joined.map(({ path, type }) => ({ path: path!, nstype: FLAGS[type], slot: slots.take() }));
  for (const { path, slot } of places) {
    entry.parent.push({ who: 'parent', op: 'open', path, flags: k.O_RDONLY | k.O_CLOEXEC, slot });
  }
  for (const { nstype, slot } of places) {
    entry.before.push({ who: 'child', op: 'setns', fd: slot, nstype }, { who: 'child', op: 'close', fd: slot });
    if (nstype === k.CLONE_NEWUSER) entry.before.push(...becomeRoot);
  }
  const made = cloneFlags(spec);
  if (made !== 0) entry.before.push({ who: 'child', op: 'unshare', flags: made });
  // Whoever is in those namespaces already could open this process's files and its program until execve (CVE-2019-5736).
  entry.after.push({ who: 'child', op: 'prctl', option: k.PR_SET_DUMPABLE, arg2: 0 });
  if (hasOwn(spec, 'pid')) entry.after.push({ who: 'child', op: 'fork' });
  return entry;
}

/** Whoever the walker was, its ids may be nobody's in another user namespace. A map without 0 has no root to be. */
export const becomeRoot: readonly Op[] = [
  { who: 'child', op: 'setresgid', gid: 0, except: ['EINVAL'] },
  { who: 'child', op: 'setresuid', uid: 0, except: ['EINVAL'] },
];

const CLOCKS = ['monotonic', 'boottime'];

/**
 * Child: a new time namespace, whose offsets must be written before anybody is in it.
 * @throws invalidArgument for a clock that has none, and for offsets without a new namespace
 */
export function timeNamespace(spec: Spec, slots: Slots): Op[] {
  const offsets = Object.entries(spec.linux?.timeOffsets ?? {});
  for (const [clock] of offsets) {
    if (!CLOCKS.includes(clock)) throw invalidArgument(`linux.timeOffsets: unknown clock ${JSON.stringify(clock)}`);
  }
  if (!isNew(spec, 'time')) {
    if (offsets.length > 0) throw invalidArgument('time namespace offsets specified, but time namespace is not set');
    return [];
  }
  const data = offsets.map(([clock, { secs = 0, nanosecs = 0 }]) => `${clock} ${secs} ${nanosecs}\n`).join('');
  const slot = slots.passing;
  return [
    { who: 'child', op: 'unshare', flags: k.CLONE_NEWTIME },
    ...(data === '' ? [] : [{ who: 'child', op: 'write_file', path: '/proc/self/timens_offsets', data } as const]),
    { who: 'child', op: 'open', path: '/proc/self/ns/time_for_children', flags: k.O_RDONLY | k.O_CLOEXEC, slot },
    { who: 'child', op: 'setns', fd: slot, nstype: k.CLONE_NEWTIME },
    { who: 'child', op: 'close', fd: slot },
  ];
}

/** Parent, after the clone: the maps of the new user namespace. */
export function writeIdMaps(spec: Spec): Op[] {
  if (!isNew(spec, 'user')) return [];
  const { uidMappings, gidMappings } = spec.linux ?? {};
  if (!uidMappings?.length) throw invalidArgument('a new user namespace needs uidMappings');
  if (!gidMappings?.length) throw invalidArgument('a new user namespace needs gidMappings');
  return [
    { who: 'parent', op: 'write_file', path: '/proc/%child/uid_map', data: mapText(uidMappings) },
    { who: 'parent', op: 'write_file', path: '/proc/%child/gid_map', data: mapText(gidMappings) },
  ];
}

/** Lines of /proc/PID/uid_map. */
export function mapText(mappings: readonly IdMapping[]): string {
  return mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join('');
}

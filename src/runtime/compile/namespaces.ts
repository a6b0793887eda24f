// spec.linux.namespaces → clone flags, joins and id maps. New namespaces come with clone3 in one step, so that all belong to
// the new user namespace; the cgroup namespace comes later, by unshare in the child, because clone3 would root it at the
// cgroup of the parent. Pure. namespaces(7), user_namespaces(7), cgroup_namespaces(7)

import { invalidArgument, PunnetError } from '../../base/errors.ts';
import type { IdMapping, NamespaceType, Spec } from '../../base/oci-runtime.ts';
import * as k from '../../native/constants.ts';
import type { Op } from '../../native/ops.ts';
import type { Slots } from './slots.ts';

const FLAGS: Record<NamespaceType, number> = {
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
    if (!(type in FLAGS)) throw invalidArgument(`unknown namespace ${JSON.stringify(type)}`);
    if (!path && type !== 'cgroup') flags |= FLAGS[type];
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

/** Parent, after the clone: the maps of the new user namespace. */
export function writeIdMaps(spec: Spec): Op[] {
  if (!isNew(spec, 'user')) return [];
  return [
    { who: 'parent', op: 'write_file', path: '/proc/%child/uid_map', data: mapText(spec.linux?.uidMappings, 'uid') },
    { who: 'parent', op: 'write_file', path: '/proc/%child/gid_map', data: mapText(spec.linux?.gidMappings, 'gid') },
  ];
}

function mapText(mappings: IdMapping[] | undefined, kind: string): string {
  if (!mappings?.length) throw invalidArgument(`a new user namespace needs ${kind}Mappings`);
  return mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join('');
}

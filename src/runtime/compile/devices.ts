// Device files: the six that every container has, and those of spec.linux.devices. Made by mknod(2), or, in a user namespace,
// which may not, the host's own nodes are bound. Child only. runtime-spec config-linux.md#default-devices

import { posix } from 'node:path';
import { invalidArgument } from '../../base/errors.ts';
import type { Spec, SpecDevice } from '../../base/oci-runtime.ts';
import * as k from '../../native/constants.ts';
import type { Op } from '../../native/ops.ts';
import type { MountPoints } from './mount-points.ts';
import { attachSlot } from './mounts.ts';
import { cleanPath } from './root.ts';
import type { Slots } from './slots.ts';

/* linux Documentation/admin-guide/devices.txt */
const DEFAULT_NODES: readonly SpecDevice[] = [
  ['null', 1, 3] as const,
  ['zero', 1, 5] as const,
  ['full', 1, 7] as const,
  ['random', 1, 8] as const,
  ['urandom', 1, 9] as const,
  ['tty', 5, 0] as const,
].map(([name, major, minor]) => ({ type: 'c', path: `/dev/${name}`, major, minor, fileMode: 0o666, uid: 0, gid: 0 }));

const TYPES: Readonly<Record<string, number>> = { c: k.S_IFCHR, u: k.S_IFCHR, b: k.S_IFBLK, p: k.S_IFIFO };

const LINKS = [
  ['/proc/self/fd', '/dev/fd'],
  ['/proc/self/fd/0', '/dev/stdin'],
  ['/proc/self/fd/1', '/dev/stdout'],
  ['/proc/self/fd/2', '/dev/stderr'],
  ['/proc/kcore', '/dev/core'],
  ['pts/ptmx', '/dev/ptmx'],
] as const;

/** Before pivot_root, and after the mounts. */
export interface CompiledDevices {
  open: Op[];
  attach: Op[];
}

/**
 * Nothing at all when the user bound a /dev of their own: then its content is theirs.
 * @param mknod whether they are made, not bound
 * @throws invalidArgument for a type that is none
 */
export function compileDevices(
  spec: Spec,
  context: { slots: Slots; points: MountPoints; mknod: boolean },
): CompiledDevices {
  const { slots, points, mknod } = context;
  const result: CompiledDevices = { open: [], attach: [] };
  const mounts = spec.mounts ?? [];
  const ownDev = mounts.some((mount) => cleanPath(mount.destination) === '/dev' && mount.type !== 'tmpfs');
  if (ownDev) return result;
  const taken = new Set(mounts.map((mount) => cleanPath(mount.destination)));
  const wanted = (spec.linux?.devices ?? []).map((device) => ({ ...device, path: cleanPath(device.path) }));
  // The specification's own device of a default path replaces it, in its place.
  const devices = new Map([...DEFAULT_NODES, ...wanted].map((device) => [device.path, device]));
  // Modes are those of the specification, as they are.
  if (mknod) result.open.push({ who: 'child', op: 'umask', mask: 0 });
  for (const device of devices.values()) {
    if (taken.has(device.path)) continue;
    if (mknod) {
      result.attach.push(...points.directory(posix.dirname(device.path)), ...makeNode(device));
      continue;
    }
    const slot = slots.take();
    const flags = k.OPEN_TREE_CLONE | k.OPEN_TREE_CLOEXEC;
    result.open.push({ who: 'child', op: 'open_tree', path: device.path, flags, slot });
    result.attach.push(...points.file(device.path), ...attachSlot(slot, device.path));
  }
  for (const [target, path] of LINKS) {
    if (!taken.has(path))
      result.attach.push({ who: 'child', op: 'symlink', target, path, except: ['EEXIST', 'EROFS'] });
  }
  return result;
}

function makeNode({ type, path, major = 0, minor = 0, fileMode = 0o666, uid = 0, gid = 0 }: SpecDevice): Op[] {
  const kind = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
  if (kind === undefined) throw invalidArgument(`device ${path}: unknown type ${JSON.stringify(type)}`);
  const mode = kind | (fileMode & 0o7777);
  const ops: Op[] = [{ who: 'child', op: 'mknod', path, mode, dev: deviceNumber(major, minor), except: ['EEXIST'] }];
  if (uid !== 0 || gid !== 0) ops.push({ who: 'child', op: 'chown', path, uid, gid });
  return ops;
}

/* dev_t as makedev(3) packs it. */
function deviceNumber(major: number, minor: number): number {
  return (minor & 0xff) + (major & 0xfff) * 0x100 + (minor >>> 8) * 0x100000;
}

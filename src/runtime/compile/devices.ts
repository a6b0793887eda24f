// Device files. A user namespace may not mknod devices, so the host's own nodes are bound into the container's /dev: the six
// that every container has, and those of spec.linux.devices. Child only. runtime-spec config-linux.md#default-devices

import type { Spec } from '../../base/oci-runtime.ts';
import * as k from '../../native/constants.ts';
import type { Op } from '../../native/ops.ts';
import type { MountPoints } from './mount-points.ts';
import { attachSlot } from './mounts.ts';
import { cleanPath } from './root.ts';
import type { Slots } from './slots.ts';

const DEFAULT_NODES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map((name) => `/dev/${name}`);

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

/** Nothing at all when the user bound a /dev of their own: then its content is theirs. */
export function compileDevices(spec: Spec, { slots, points }: { slots: Slots; points: MountPoints }): CompiledDevices {
  const result: CompiledDevices = { open: [], attach: [] };
  const mounts = spec.mounts ?? [];
  const ownDev = mounts.some((mount) => cleanPath(mount.destination) === '/dev' && mount.type !== 'tmpfs');
  if (ownDev) return result;
  const taken = new Set(mounts.map((mount) => cleanPath(mount.destination)));
  const wanted = (spec.linux?.devices ?? []).map((device) => cleanPath(device.path));
  for (const path of new Set([...DEFAULT_NODES, ...wanted])) {
    if (taken.has(path)) continue;
    const slot = slots.take();
    const flags = k.OPEN_TREE_CLONE | k.OPEN_TREE_CLOEXEC;
    result.open.push({ who: 'child', op: 'open_tree', path, flags, slot });
    result.attach.push(...points.file(path), ...attachSlot(slot, path));
  }
  for (const [target, path] of LINKS) {
    if (!taken.has(path))
      result.attach.push({ who: 'child', op: 'symlink', target, path, except: ['EEXIST', 'EROFS'] });
  }
  return result;
}

// The root filesystem: mounted in the container's own mount namespace, so that it is gone with the container's last process,
// however that ends; then pivot_root. The old root stays attached under a descriptor until proc and sysfs are mounted,
// because the kernel grants those only while full ones are visible (mount_too_revealing). Child only. pivot_root(2)

import { posix } from 'node:path';
import type { Mount } from '../../base/mount.ts';
import type { Spec } from '../../base/oci-runtime.ts';
import * as k from '../../native/constants.ts';
import type { Op, Slot } from '../../native/ops.ts';
import { parseMountOptions } from '../mount-options.ts';

/** Mounts what the snapshotter said, or binds a plain directory onto itself: pivot_root wants a mount point of this namespace. */
export function mountRoot(rootfs: string, mounts: readonly Mount[]): Op[] {
  if (mounts.length === 0) {
    // Recursive, because a mount inherited from a more privileged namespace is locked and cannot be copied alone.
    const flags = k.MS_BIND | k.MS_REC;
    return [{ who: 'child', op: 'mount', source: rootfs, target: rootfs, fstype: null, flags, data: null }];
  }
  const ops: Op[] = [];
  for (const mount of mounts) {
    if (mount.cwd !== undefined) ops.push({ who: 'child', op: 'chdir', path: mount.cwd });
    const { flags, data, bind, recursive } = parseMountOptions(mount.options, mount.type);
    const bindFlags = bind ? k.MS_BIND | (recursive ? k.MS_REC : 0) : 0;
    const fstype = bind ? null : mount.type;
    const target = mount.target || rootfs;
    ops.push({ who: 'child', op: 'mount', source: mount.source, target, fstype, flags: flags | bindFlags, data });
  }
  return ops;
}

/** After this `/` is the container's; the old root is stacked on it, out of reach of paths, and kept in `old`. */
export function pivot(rootfs: string): Op[] {
  return [
    { who: 'child', op: 'chdir', path: rootfs },
    { who: 'child', op: 'pivot_root', new_root: '.', put_old: '.' },
  ];
}

/** Detaches the old root, with every mount of the host below it. */
export function dropOldRoot(old: Slot): Op[] {
  return [
    { who: 'child', op: 'fchdir', fd: old },
    { who: 'child', op: 'umount2', target: '.', flags: k.MNT_DETACH },
    { who: 'child', op: 'chdir', path: '/' },
    // Before the working directory of the image is entered, because it may be /proc/self/fd/N (CVE-2024-21626).
    { who: 'child', op: 'close', fd: old },
  ];
}

/** Last, because mount points and devices are made in the root first. */
export function sealRoot(spec: Spec): Op[] {
  const ops: Op[] = [];
  const propagation = ROOT_PROPAGATION[spec.linux?.rootfsPropagation ?? ''] ?? 0;
  if (spec.root?.readonly) {
    const set = k.MOUNT_ATTR_RDONLY;
    ops.push({ who: 'child', op: 'mount_setattr', path: '/', flags: 0, set, clear: 0, propagation: 0 });
  }
  if (propagation !== 0) {
    const flags = spec.linux!.rootfsPropagation!.startsWith('r') ? k.AT_RECURSIVE : 0;
    ops.push({ who: 'child', op: 'mount_setattr', path: '/', flags, set: 0, clear: 0, propagation });
  }
  return ops;
}

const ROOT_PROPAGATION: Record<string, number> = {
  private: k.MS_PRIVATE,
  rprivate: k.MS_PRIVATE,
  slave: k.MS_SLAVE,
  rslave: k.MS_SLAVE,
  shared: k.MS_SHARED,
  rshared: k.MS_SHARED,
  unbindable: k.MS_UNBINDABLE,
};

/** An absolute path without `.`, `..` and doubled slashes; what starts outside stays inside. */
export function cleanPath(path: string): string {
  const clean = posix.normalize(`/${path}`);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}

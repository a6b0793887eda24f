// The root filesystem: mounted in the container's own mount namespace, so that it is gone with the container's last process,
// however that ends; then pivot_root. The old root stays attached under a descriptor until proc and sysfs are mounted,
// because the kernel grants those only while full ones are visible (mount_too_revealing). Child only. pivot_root(2)

import { posix } from 'node:path';
import { invalidArgument } from '../../base/errors.ts';
import type { Mount } from '../../base/mount.ts';
import type { Spec } from '../../base/oci-runtime.ts';
import * as k from '../../native/constants.ts';
import type { Op, Slot } from '../../native/ops.ts';
import { parseMountOptions, PROPAGATION } from '../mount-options.ts';
import { isNew } from './namespaces.ts';

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

/** The way from the host's root to the container's. */
export interface RootChange {
  /** after this `/` is the container's, for paths */
  enter: Op[];
  /** when the mounts are there: after this the namespace's root is the container's too */
  change: Op[];
  /** after this nothing of the host is left */
  drop: Op[];
}

/**
 * Changes the root. The old one is kept in the slot `old` until `drop`.
 * @param hooks ops that need the mounts to be there, and the host's paths: chroot(2) stands in until they are done
 * @param noPivot moves the mount over the root, which leaves the host's mounts in the namespace, below it
 */
export function changeRoot(rootfs: string, options: { old: Slot; hooks: readonly Op[]; noPivot: boolean }): RootChange {
  const { old, hooks, noPivot } = options;
  const enter: Op = { who: 'child', op: 'chdir', path: rootfs };
  const chroot: Op = { who: 'child', op: 'chroot', path: '.' };
  const top: Op = { who: 'child', op: 'chdir', path: '/' };
  const back: Op[] = [{ who: 'child', op: 'fchdir', fd: old }, chroot, ...hooks, enter];
  // Before the working directory of the image is entered, because it may be /proc/self/fd/N (CVE-2024-21626).
  const close: Op = { who: 'child', op: 'close', fd: old };
  if (noPivot) {
    const move = { fstype: null, flags: k.MS_MOVE, data: null };
    const over: Op[] = [{ who: 'child', op: 'mount', source: '.', target: '/', ...move }, chroot, top];
    return { enter: [enter, chroot, top], change: [...back, ...over], drop: [close] };
  }
  // The old root is then stacked on the new one, out of reach of paths.
  const pivot: Op = { who: 'child', op: 'pivot_root', new_root: '.', put_old: '.' };
  const drop: Op[] = [
    { who: 'child', op: 'fchdir', fd: old },
    { who: 'child', op: 'umount2', target: '.', flags: k.MNT_DETACH },
    top,
    close,
  ];
  if (hooks.length === 0) return { enter: [enter, pivot], change: [], drop };
  return { enter: [enter, chroot, top], change: [...back, pivot], drop };
}

/**
 * Makes mounts of the container's namespace no concern of the host's, which a new user namespace does by itself. Shared mounts
 * stay shared with the host when the specification wants that; but not the one that pivot_root(2) moves the root out of.
 * @param rootfsParent mount point below which the root filesystem lies
 */
export function separateMounts(spec: Spec, rootfsParent: string | undefined): Op[] {
  const wanted = spec.linux?.rootfsPropagation ?? '';
  const shared = rootPropagation(wanted) === k.MS_SHARED;
  const none = { source: null, fstype: null, data: null };
  const flags = k.MS_REC | (shared ? k.MS_SHARED : k.MS_SLAVE);
  if (isNew(spec, 'user') && !shared) return [];
  const ops: Op[] = [{ who: 'child', op: 'mount', ...none, target: '/', flags }];
  if (shared) ops.push({ who: 'child', op: 'mount', ...none, target: rootfsParent ?? '/', flags: k.MS_PRIVATE });
  return ops;
}

/** Last, because mount points and devices are made in the root first. */
export function sealRoot(spec: Spec): Op[] {
  const ops: Op[] = [];
  const wanted = spec.linux?.rootfsPropagation ?? '';
  const propagation = rootPropagation(wanted);
  if (propagation === undefined) {
    throw invalidArgument(`rootfsPropagation=${wanted} is not supported`);
  }
  if (spec.root?.readonly) {
    const set = k.MOUNT_ATTR_RDONLY;
    ops.push({ who: 'child', op: 'mount_setattr', path: '/', flags: 0, set, clear: 0, propagation: 0 });
  }
  if (propagation !== 0) {
    const flags = wanted.startsWith('r') ? k.AT_RECURSIVE : 0;
    ops.push({ who: 'child', op: 'mount_setattr', path: '/', flags, set: 0, clear: 0, propagation });
  }
  return ops;
}

/* undefined: there is no such propagation; 0: it is not asked for. */
function rootPropagation(wanted: string): number | undefined {
  return wanted === '' ? 0 : PROPAGATION.get(wanted.replace(/^r/, ''));
}

/** An absolute path without `.`, `..` and doubled slashes; what starts outside stays inside. */
export function cleanPath(path: string): string {
  const clean = posix.normalize(`/${path}`);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}

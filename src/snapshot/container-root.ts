// The root of a container as a thread that nobody shares mounts with sees it: the overlay (of a running container a clone of
// its own, since one writable layer must not be mounted twice), with its binds and volumes, without its proc, sys, dev and
// tmpfs, as Docker's cp has it. Runs in a worker thread of the daemon, which unshares its mount namespace: what is mounted
// here ends with the thread, also by kill -9. unshare(2), setns(2), open_tree(2), move_mount(2). moby: daemon/containerfs_linux.go

import { closeSync, openSync, statSync } from 'node:fs';
import type { Mount } from '../base/mount.ts';
import { errnoOf, messageOf, PunnetError } from '../base/errors.ts';
import { chdir, mkdirat, mount, moveMount, openat2, openTree, setns, unshare } from '../native/addon.ts';
import * as k from '../native/constants.ts';
import { splitPath } from './layer-path.ts';

/** A file system that lies over a container's root. */
export interface RootBind {
  /** as the daemon sees it */
  source: string;
  /** absolute in the container */
  destination: string;
  writable: boolean;
}

export interface ContainerRoot {
  /** how to mount it; its target is a directory of the daemon's own */
  mount: Mount;
  /** init's pid, of a running container */
  pid?: number;
  binds: RootBind[];
}

const INSIDE = k.RESOLVE_IN_ROOT | k.RESOLVE_NO_MAGICLINKS;
const MOVE_MOUNT_F_EMPTY_PATH = 0x4;

/** Opens the root; the descriptor is good as long as the thread lives. Once per thread. @throws internal naming the step */
export function enterRoot({ mount: overlay, pid, binds }: ContainerRoot): number {
  try {
    unshare(k.CLONE_NEWNS);
    // What is mounted from now on must not show in the daemon's namespace.
    mount(null, '/', null, k.MS_REC | k.MS_PRIVATE, null);
    if (pid === undefined) mountOverlay(overlay);
    else cloneRoot(pid, overlay.target);
    const root = openat2(k.AT_FDCWD, overlay.target, k.O_PATH | k.O_DIRECTORY | k.O_CLOEXEC, 0, 0);
    // Parents before children.
    for (const bind of binds.toSorted((a, b) => a.destination.length - b.destination.length)) attach(root, bind);
    return root;
  } catch (error) {
    if (error instanceof PunnetError) throw error;
    throw new PunnetError('internal', `look into the container's root: ${messageOf(error)}`, { cause: error });
  }
}

function mountOverlay({ source, target, type, options, cwd }: Mount): void {
  if (cwd !== undefined) chdir(cwd);
  mount(source, target, type, 0, options.join(','));
  chdir('/');
}

/** The mount of a running container's root alone, cloned in its own namespace and brought over. */
function cloneRoot(pid: number, target: string): void {
  const open = (path: string) => openSync(path, k.O_RDONLY | k.O_CLOEXEC);
  const own = open('/proc/thread-self/ns/mnt');
  const there = open(`/proc/${pid}/ns/mnt`);
  try {
    setns(there, k.CLONE_NEWNS);
    let tree: number;
    try {
      tree = openTree(k.AT_FDCWD, '/', k.OPEN_TREE_CLONE | k.OPEN_TREE_CLOEXEC);
    } finally {
      setns(own, k.CLONE_NEWNS);
    }
    moveMount(tree, '', k.AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
    closeSync(tree);
  } finally {
    closeSync(own);
    closeSync(there);
  }
}

/** Mounts a bind over its destination, which is resolved inside the root, and made where it is missing. */
function attach(root: number, { source, destination, writable }: RootBind): void {
  let isDirectory: boolean;
  try {
    isDirectory = statSync(source).isDirectory();
  } catch (error) {
    // A bind whose source was removed: then what lies below it shows, as long as the container does not start.
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  const place = openPlace(root, destination, isDirectory);
  try {
    const path = `/proc/self/fd/${place}`;
    mount(source, path, null, k.MS_BIND | k.MS_REC, null);
    if (writable) return;
    // By the descriptor, one would meet what was there before.
    const mounted = openat2(root, destination, k.O_PATH | k.O_CLOEXEC, 0, INSIDE);
    // With all that may be locked on a mount of the host: a remount may not take it away.
    const flags = k.MS_RDONLY | k.MS_NOSUID | k.MS_NODEV | k.MS_NOEXEC;
    mount(null, `/proc/self/fd/${mounted}`, null, k.MS_REMOUNT | k.MS_BIND | flags, null);
    closeSync(mounted);
  } finally {
    closeSync(place);
  }
}

function openPlace(root: number, path: string, isDirectory: boolean): number {
  try {
    return openat2(root, path, k.O_PATH | k.O_CLOEXEC, 0, INSIDE);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  const { parent, name } = splitPath(path.replace(/\/+$/, ''));
  const at = parent === '' ? root : openPlace(root, parent, true);
  if (isDirectory) mkdirat(at, name, 0o755);
  else closeSync(openat2(at, name, k.O_WRONLY | k.O_CREAT | k.O_EXCL | k.O_CLOEXEC, 0o644, INSIDE));
  if (at !== root) closeSync(at);
  return openat2(root, path, k.O_PATH | k.O_CLOEXEC, 0, INSIDE);
}

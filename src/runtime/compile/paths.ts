// Masked and read-only paths of /proc and /sys, and sysctls, which must be written before /proc/sys becomes read-only. Child
// only, after proc is mounted. runtime-spec config-linux.md#masked-paths, proc(5)

import { invalidArgument } from '../../base/errors.ts';
import type { Spec } from '../../base/oci-runtime.ts';
import * as k from '../../native/constants.ts';
import type { Op, Slot } from '../../native/ops.ts';
import { hasOwn } from './namespaces.ts';
import type { Slots } from './slots.ts';

/* Which of the usual ones are directories; others are tried as both. */
const DIRECTORIES = new Set([
  '/proc/acpi',
  '/proc/asound',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
]);
const FILES = new Set([
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/timer_list',
  '/proc/timer_stats',
]);

/** Before pivot_root: the host's own null device, whatever the image and its volumes make of /dev/null (CVE-2025-31133). */
export function openNull(spec: Spec, slots: Slots): { open: Op[]; slot: Slot } {
  const slot = slots.take();
  const needed = (spec.linux?.maskedPaths ?? []).some((path) => !DIRECTORIES.has(path));
  const flags = k.O_PATH | k.O_CLOEXEC;
  return { open: needed ? [{ who: 'child', op: 'open', path: '/dev/null', flags, slot }] : [], slot };
}

/** A masked file reads as empty, a masked directory is empty; a path that is not there needs no mask. */
export function maskPaths(spec: Spec, nullDevice: Slot): Op[] {
  const ops: Op[] = [];
  const masked = spec.linux?.maskedPaths ?? [];
  for (const path of masked) {
    if (!DIRECTORIES.has(path)) ops.push(maskFile(path, nullDevice));
    if (!FILES.has(path)) ops.push(maskDirectory(path));
  }
  if (masked.some((path) => !DIRECTORIES.has(path))) ops.push({ who: 'child', op: 'close', fd: nullDevice });
  return ops;
}

/* Not open_tree and move_mount: where the path is not there, the clone's end would cost an RCU grace period. */
function maskFile(path: string, nullDevice: Slot): Op {
  // ENOTDIR: it is a directory.
  const except = FILES.has(path) ? ['ENOENT'] : ['ENOENT', 'ENOTDIR'];
  const bind = { source: null, fstype: null, flags: k.MS_BIND, data: null };
  return { who: 'child', op: 'mount', ...bind, from: nullDevice, target: path, except };
}

function maskDirectory(path: string): Op {
  const except = DIRECTORIES.has(path) ? ['ENOENT'] : ['ENOENT', 'ENOTDIR'];
  const flags = k.MS_RDONLY;
  return { who: 'child', op: 'mount', source: 'tmpfs', target: path, fstype: 'tmpfs', flags, data: 'size=0k', except };
}

/** Binds each path onto itself and makes that mount read-only, so that what lies beside it stays writable. */
export function readonlyPaths(spec: Spec): Op[] {
  const except = ['ENOENT'];
  return (spec.linux?.readonlyPaths ?? []).flatMap((path): Op[] => {
    const flags = k.MS_BIND | k.MS_REC;
    const set = k.MOUNT_ATTR_RDONLY;
    return [
      { who: 'child', op: 'mount', source: path, target: path, fstype: null, flags, data: null, except },
      { who: 'child', op: 'mount_setattr', path, flags: k.AT_RECURSIVE, set, clear: 0, propagation: 0, except },
    ];
  });
}

/* What an ipc namespace has of its own. */
const IPC_SYSCTLS = new Set(
  ['msgmax', 'msgmnb', 'msgmni', 'sem', 'shmall', 'shmmax', 'shmmni', 'shm_rmid_forced'].map(
    (name) => `kernel.${name}`,
  ),
);

/** @throws invalidArgument with runc's text for a sysctl that would change the host's */
export function writeSysctls(spec: Spec): Op[] {
  return Object.entries(spec.linux?.sysctl ?? {}).map(([name, value]): Op => {
    // `net/ipv4/conf/eth0.1/forwarding` is how a name with a dot inside is written. sysctl(8)
    const path = /^[^.]*\//.test(name) ? name : name.replaceAll('.', '/');
    checkSysctl(path.replaceAll('/', '.'), spec);
    return { who: 'child', op: 'write_file', path: `/proc/sys/${path}`, data: value };
  });
}

function checkSysctl(name: string, spec: Spec): void {
  const quoted = JSON.stringify(name);
  if (name.split('.').includes('')) throw invalidArgument(`invalid sysctl ${quoted}`);
  if (IPC_SYSCTLS.has(name) || name.startsWith('fs.mqueue.')) {
    if (hasOwn(spec, 'ipc')) return;
    throw invalidArgument(`sysctl ${quoted} is not allowed in the hosts ipc namespace`);
  }
  if (name.startsWith('net.')) {
    if (hasOwn(spec, 'network')) return;
    throw invalidArgument(`sysctl ${quoted} not allowed in host network namespace`);
  }
  if (hasOwn(spec, 'uts') && name === 'kernel.domainname') return;
  if (hasOwn(spec, 'uts') && name === 'kernel.hostname') {
    throw invalidArgument(`sysctl ${quoted} is not allowed as it conflicts with the OCI "hostname" field`);
  }
  throw invalidArgument(`sysctl ${quoted} is not in a separate kernel namespace`);
}

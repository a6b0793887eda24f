// Checks of where punnet keeps things: the data directory and what its file system can do, room on it, the runtime
// directory. Runs in the launcher, outside the namespaces, as the user. statfs(2), overlayfs "Upper", unix(7)

import { accessSync, constants, existsSync, lstatSync, mkdtempSync, rmSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { errnoOf } from '../../base/errors.ts';
import { LONGEST_RUN } from '../directories.ts';
import type { Check, Host } from './check.ts';

/** f_type of statfs(2), as linux/magic.h has them. */
const FILE_SYSTEMS: Record<number, string> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x01021994: 'tmpfs',
  0x794c7630: 'overlay',
  0x6969: 'nfs',
  0xff534d42: 'cifs',
  0x65735546: 'fuse',
  0x01021997: '9p',
  0x2fc12fc1: 'zfs',
  0x73717368: 'squashfs',
};

const MIB = 1024 * 1024;

/** Writable and ours; if it is not there yet, its nearest existing parent decides. */
export function dataDirectory(host: Host): Check {
  const name = 'data-directory';
  const path = host.locations.root;
  const there = nearest(path);
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
  } catch (error) {
    // another user's directory and a read-only file system look alike to the user: both need another place
    return {
      name,
      status: 'fail',
      detail: `${path}: cannot write to ${there}: ${errnoOf(error)}`,
      fix: `make ${there} writable, or choose another directory: PUNNET_ROOT=DIR`,
    };
  }
  return { name, status: 'ok', detail: `${path}, on ${fileSystem(there)}` };
}

/** Mounts an overlay there for real, as every container will. */
export async function overlay(host: Host): Promise<Check> {
  const name = 'overlay';
  const there = nearest(host.locations.root);
  let scratch: string;
  try {
    scratch = mkdtempSync(join(there, '.punnet-probe-'));
  } catch (error) {
    return { name, status: 'fail', detail: `cannot try it in ${there}: ${errnoOf(error)}`, fix: 'PUNNET_ROOT=DIR' };
  }
  try {
    const { probeOverlay } = await import('../probe.ts');
    const failure = await probeOverlay(scratch, host.account.asRoot ? statSync(there) : host.account);
    if (!failure) return { name, status: 'ok', detail: 'mounts in a user namespace, with whiteouts and programs' };
    return {
      name,
      status: 'fail',
      detail: `does not work on ${fileSystem(there)}: ${failure}`,
      fix: overlayFix(there),
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function overlayFix(directory: string): string {
  const type = fileSystem(directory);
  if (['nfs', 'cifs', 'overlay', 'fuse', '9p', 'squashfs'].includes(type)) {
    return `${type} cannot be the upper file system of an overlay: keep the data elsewhere, PUNNET_ROOT=/var/tmp/punnet`;
  }
  if (!existsSync('/sys/module/overlay')) return 'sudo modprobe overlay';
  return `keep the data on another file system: PUNNET_ROOT=DIR`;
}

/** Enough for a small image to fail late is worse than to say so now. */
export function diskSpace(host: Host): Check {
  const name = 'disk-space';
  const there = nearest(host.locations.root);
  const { bavail, bsize, ffree, files } = statfsSync(there);
  const free = Math.floor((bavail * bsize) / MIB);
  const detail = `${free >= 10_240 ? `${Math.floor(free / 1024)} GiB` : `${free} MiB`} free for ${host.locations.root}`;
  const fix = 'punnet rmi IMAGE, or another disk: PUNNET_ROOT=DIR';
  if (files > 0 && ffree < 1000) return { name, status: 'fail', detail: `${ffree} inodes left on ${there}`, fix };
  if (free < 64) return { name, status: 'fail', detail, fix };
  return free < 1024
    ? { name, status: 'warn', detail, breaks: 'pulling large images', fix }
    : { name, status: 'ok', detail };
}

/** Short enough for sockets, and, in a directory that all can write to, really ours. */
export function runtimeDirectory(host: Host): Check {
  const name = 'runtime-directory';
  const { run } = host.locations;
  const bytes = Buffer.byteLength(run);
  const fix = `PUNNET_RUN=/tmp/punnet-${host.account.uid}`;
  if (bytes > LONGEST_RUN) {
    return {
      name,
      status: 'fail',
      detail: `${run}: ${bytes} bytes, at most ${LONGEST_RUN} leave room for sockets`,
      fix,
    };
  }
  const found = lstatSync(run, { throwIfNoEntry: false });
  if (found && !host.account.asRoot && (found.uid !== host.account.uid || !found.isDirectory())) {
    return { name, status: 'fail', detail: `${run} belongs to uid ${found.uid}`, fix: 'PUNNET_RUN=DIR' };
  }
  if (!host.account.asRoot && run.startsWith(tmpdir())) {
    return { name, status: 'ok', detail: `${run} (XDG_RUNTIME_DIR is not set)` };
  }
  return { name, status: 'ok', detail: run };
}

function nearest(path: string): string {
  for (let there = path; ; there = dirname(there)) if (existsSync(there)) return there;
}

function fileSystem(path: string): string {
  const { type } = statfsSync(path);
  return FILE_SYSTEMS[type >>> 0] ?? `file system 0x${(type >>> 0).toString(16)}`;
}

// The cgroup of one container: made before its process, with its limits written; asked about the OOM killer; frozen, killed,
// removed. Runs in the daemon (or punnet-runc), in the host's cgroup namespace. cgroups(7), cgroup-v2.rst

import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { errnoOf, internal, messageOf } from '../base/errors.ts';
import type { SpecResources } from '../base/oci-runtime.ts';
import type { CgroupTree } from './cgroup-tree.ts';
import { cgroupValues, type CgroupValue } from './cgroup-values.ts';

/** Which limits a tree can apply. */
export interface CgroupLimits {
  memory: boolean;
  swap: boolean;
  memoryReservation: boolean;
  pids: boolean;
  cpuCfs: boolean;
  cpuShares: boolean;
  cpuset: boolean;
  /** what cpuset may choose from; empty when there is no cpuset */
  cpus: string;
  mems: string;
  blkioWeight: boolean;
  blkioThrottle: boolean;
}

/** Looks at the files that the daemon's own cgroup, a child of the parent like every container's, has. */
export function cgroupLimits({ parent, controllers }: CgroupTree): CgroupLimits {
  const has = (file: string) => parent !== undefined && existsSync(join(parent, 'punnetd', file));
  const read = (file: string) => (has(file) ? readFileSync(join(parent!, 'punnetd', file), 'utf8').trim() : '');
  const memory = controllers.has('memory');
  const cpu = controllers.has('cpu');
  return {
    memory,
    swap: memory && has('memory.swap.max'),
    memoryReservation: memory,
    pids: controllers.has('pids'),
    cpuCfs: cpu && has('cpu.max'),
    cpuShares: cpu,
    cpuset: controllers.has('cpuset'),
    cpus: read('cpuset.cpus.effective'),
    mems: read('cpuset.mems.effective'),
    blkioWeight: has('io.weight') || has('io.bfq.weight'),
    blkioThrottle: has('io.max'),
  };
}

/**
 * Makes PARENT/name and writes the limits that the tree can apply; the daemon has warned of the others.
 * @returns its absolute directory; undefined where there is no tree
 * @throws internal, naming file, value and errno; nothing is left behind then
 */
export function makeCgroup(
  tree: CgroupTree,
  { name, resources }: { name: string; resources: SpecResources },
): string | undefined {
  if (tree.parent === undefined) return undefined;
  const directory = join(tree.parent, name);
  mkdirSync(directory, { mode: 0o755, recursive: true });
  try {
    changeCgroup(tree, { name, resources });
  } catch (error) {
    removeTree(directory);
    throw error;
  }
  return directory;
}

/**
 * Writes limits of PARENT/name, as far as the tree can apply them.
 * @throws internal, naming file, value and errno
 */
export function changeCgroup(
  { parent, controllers }: CgroupTree,
  { name, resources }: { name: string; resources: SpecResources },
): void {
  for (const value of cgroupValues(resources)) {
    if (!value.controller || controllers.has(value.controller)) writeValue(join(parent!, name), value);
  }
}

/** Writes limits into a cgroup that exists. */
function writeValue(directory: string, { file, value, instead }: CgroupValue): void {
  const chosen = instead && !existsSync(join(directory, file)) ? instead : { file, value };
  const path = join(directory, chosen.file);
  try {
    writeFileSync(path, chosen.value, { flag: 'r+' });
  } catch (error) {
    // Kernels without swap accounting have no such file, and memory alone is limited then, as Docker's warning says.
    if (errnoOf(error) === 'ENOENT' && (chosen.file === 'memory.swap.max' || chosen.file === 'io.weight')) return;
    throw internal(`failed to write ${JSON.stringify(chosen.value)} to ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Whether the kernel killed a process of the container, init or any other, for want of memory; nested cgroups count. */
export function wasOomKilled(directory: string): boolean {
  const events = read(join(directory, 'memory.events'));
  return Number(/^oom_kill (\d+)$/m.exec(events ?? '')?.[1] ?? 0) > 0;
}

/** Stops every process of the container, or lets them go on. */
export function setFrozen(directory: string, frozen: boolean): void {
  writeFileSync(join(directory, 'cgroup.freeze'), frozen ? '1' : '0');
}

/** True once every process has stopped. */
export function isFrozen(directory: string): boolean {
  return /^frozen 1$/m.test(read(join(directory, 'cgroup.events')) ?? '');
}

/** Kills every process of the container, frozen ones too. Linux 5.14 */
export function killCgroup(directory: string): void {
  try {
    writeFileSync(join(directory, 'cgroup.kill'), '1', { flag: 'r+' });
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

const PATIENCE_MS = 2000;

/**
 * Kills what is left in the cgroup and removes it, with the cgroups that the container made below. A process that is dying
 * holds it for a moment. No error when it is gone already.
 * @throws the errno of rmdir when it is still held after two seconds
 */
export async function removeCgroup(directory: string): Promise<void> {
  if (removeTree(directory)) return;
  killCgroup(directory);
  for (let waited = 0; !removeTree(directory, waited >= PATIENCE_MS); waited += 5) await pause(5);
}

/** Numbers of all processes in the cgroup and below it. Empty when it is gone. cgroups(7) cgroup.procs */
export function processesOf(directory: string): number[] {
  const own = (read(join(directory, 'cgroup.procs')) ?? '').split('\n').filter(Boolean).map(Number);
  return [...own, ...children(directory).flatMap((name) => processesOf(join(directory, name)))];
}

function children(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    );
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Removes a cgroup without processes, and those below it. False while a dying process holds one. */
export function removeCgroupNow(directory: string): boolean {
  return removeTree(directory);
}

/* True when it is gone. */
function removeTree(directory: string, insist = false): boolean {
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory() && !removeTree(join(directory, entry.name), insist)) return false;
    }
    rmdirSync(directory);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true;
    if (errnoOf(error) === 'EBUSY' && !insist) return false;
    throw error;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

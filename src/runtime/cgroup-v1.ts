// The controllers that a host keeps in cgroup v1, beside the v2 tree that gives membership, freezing and killing: where a
// container's directories are, and its limits in them. Runs in punnet-runc, as root of the host, who alone may write there.
// cgroups(7), cpuset(7), kernel Documentation/admin-guide/cgroup-v1

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { errnoOf, internal, messageOf } from '../base/errors.ts';
import type { SpecResources } from '../base/oci-runtime.ts';
import { v1Values, type V1Value } from './cgroup-v1-values.ts';
import { cleanPath } from './compile/root.ts';

/** Controller, or `name=…` of a hierarchy without one → absolute directory; those of one hierarchy share it. */
export type V1Cgroup = Readonly<Record<string, string>>;

interface Hierarchy {
  names: string[];
  /** where it is mounted */
  mount: string;
  /** our own path in it */
  own: string;
}

/** The v1 hierarchies that are mounted whole, from the texts of /proc/self/mountinfo and /proc/self/cgroup. Pure. proc(5) */
export function v1Hierarchies(mountinfo: string, own: string): Hierarchy[] {
  const mounts = mountinfo.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, point = ''] = before.split(' ');
    const [type, , options = ''] = after.split(' ');
    return type === 'cgroup' && root === '/' ? [{ mount: point, options: options.split(',') }] : [];
  });
  return own.split('\n').flatMap((line) => {
    const [, list = '', path = ''] = /^\d+:([^:]+):(\/.*)$/.exec(line) ?? [];
    const names = list.split(',').filter(Boolean);
    const at = mounts.find(({ options }) => names.length > 0 && names.every((name) => options.includes(name)));
    return at ? [{ names, mount: at.mount, own: path }] : [];
  });
}

/** Where a container's cgroup shall be in each hierarchy: by the same rule as in the v2 tree. Pure. */
export function v1Place(hierarchies: readonly Hierarchy[], wanted: string | undefined, id: string): V1Cgroup {
  const path = (own: string) => (wanted?.startsWith('/') ? cleanPath(wanted) : join(own, cleanPath(wanted || id)));
  return Object.fromEntries(
    hierarchies.flatMap(({ names, mount, own }) => names.map((name) => [name, join(mount, path(own))])),
  );
}

export function readHierarchies(): Hierarchy[] {
  return v1Hierarchies(readFileSync('/proc/self/mountinfo', 'utf8'), readFileSync('/proc/self/cgroup', 'utf8'));
}

/** The directories of a cgroup, one per hierarchy. */
export function directoriesOf(cgroup: V1Cgroup = {}): string[] {
  return [...new Set(Object.values(cgroup))];
}

/**
 * Makes the directories.
 * @returns those that could be made: a hierarchy that is mounted read-only, as in a container, is left out
 */
export function makeV1(hierarchies: readonly Hierarchy[], cgroup: V1Cgroup): V1Cgroup {
  const made = hierarchies.filter(({ names, mount }) => makeLevels(mount, cgroup[names[0]!]!, names));
  return Object.fromEntries(made.flatMap(({ names }) => names.map((name) => [name, cgroup[name]!])));
}

function makeLevels(mount: string, target: string, names: readonly string[]): boolean {
  let directory = mount;
  for (const level of relative(mount, target).split('/')) {
    const above = directory;
    directory = join(directory, level);
    try {
      mkdirSync(directory, { mode: 0o755 });
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') continue;
      if (['EROFS', 'EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) return false;
      throw internal(`cannot make ${directory}: ${messageOf(error)}`, { cause: error });
    }
    if (names.includes('cpuset')) inherit(above, directory);
  }
  return true;
}

/* A cpuset without processors or memory takes no process. cpuset(7) */
function inherit(from: string, to: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    writeFileSync(join(to, file), readFileSync(join(from, file), 'utf8'));
  }
}

/**
 * Writes limits.
 * @returns a sentence for each that a hierarchy has no file for
 * @throws internal, naming file, value and errno
 */
export function changeV1(cgroup: V1Cgroup, resources: SpecResources): string[] {
  const values = v1Values(resources).filter(({ controller }) => cgroup[controller] !== undefined);
  const at = ({ controller, file, instead }: V1Value) => {
    const [path, other] = [join(cgroup[controller]!, file), instead && join(cgroup[controller]!, instead)];
    return other !== undefined && !existsSync(path) ? other : path;
  };
  const [there, absent] = [
    values.filter((each) => existsSync(at(each))),
    values.filter((each) => !existsSync(at(each))),
  ];
  // In which order a pair can change (memory with and without swap, quota and period) depends on what it is now: what is
  // refused first is tried once more after the others.
  const refused = there.filter((each) => !tryWrite(at(each), each.value));
  for (const each of refused) tryWrite(at(each), each.value, true);
  return absent.map((each) => `limit ${each.file} = ${each.value} is not set: ${at(each)} does not exist`);
}

function tryWrite(path: string, value: string, insist = false): boolean {
  try {
    writeFileSync(path, value, { flag: 'r+' });
    return true;
  } catch (error) {
    if (!insist) return false;
    throw internal(`failed to write ${JSON.stringify(value)} to ${path}: ${messageOf(error)}`, { cause: error });
  }
}

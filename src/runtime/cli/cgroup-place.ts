// cgroupsPath → a directory of the cgroup v2 tree. On a hybrid host the unified tree still gives membership, freezing and
// killing. cgroups(7), runtime-spec config-linux.md#cgroups-path

import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { invalidArgument, messageOf } from '../../base/errors.ts';
import type { Spec } from '../../base/oci-runtime.ts';
import { cgroup2Mount, ownCgroup, type CgroupTree } from '../cgroup-tree.ts';
import { cleanPath } from '../compile/root.ts';

export interface CgroupPlace {
  tree: CgroupTree;
  /** the container's cgroup, relative to the tree's parent */
  name: string;
}

/** Where a container's cgroup shall be: an absolute cgroupsPath from the tree's root, a relative or absent one below our own. */
export function cgroupPlace(spec: Spec, id: string): CgroupPlace {
  const mount = cgroup2Mount(readFileSync('/proc/self/mountinfo', 'utf8'));
  if (mount === undefined)
    return { tree: { parent: undefined, controllers: new Set(), reason: 'no cgroup v2 tree is mounted' }, name: id };
  const own = ownCgroup(readFileSync('/proc/self/cgroup', 'utf8')) ?? '/';
  const wanted = spec.linux?.cgroupsPath;
  const path = wanted?.startsWith('/') ? cleanPath(wanted) : join(cleanPath(own), cleanPath(wanted || id));
  if (path === '/') throw invalidArgument(`cgroupsPath ${JSON.stringify(wanted)} is the root of the tree`);
  const parent = join(mount, dirname(path));
  const name = relative(parent, join(mount, path));
  if (existsSync(join(mount, path))) checkEmpty(join(mount, path));
  const refused = makeParents(mount, parent);
  if (refused) return { tree: { parent: undefined, controllers: new Set(), reason: refused }, name };
  const controllers = new Set(words(join(parent, 'cgroup.subtree_control')));
  return { tree: { parent, controllers, reason: undefined }, name };
}

/* Limits that another container set would bind this one, and its processes would be taken for ours. */
function checkEmpty(directory: string): void {
  const populated = /^populated 1$/m.test(readFileSync(join(directory, 'cgroup.events'), 'utf8'));
  if (populated) throw invalidArgument(`container's cgroup is not empty: ${directory}`);
}

/* Each level gives the controllers it has to the next. @returns why the last level cannot be had */
function makeParents(mount: string, parent: string): string | undefined {
  let directory = mount;
  try {
    for (const name of ['', ...relative(mount, parent).split('/').filter(Boolean)]) {
      directory = join(directory, name);
      if (!existsSync(directory)) mkdirSync(directory, { mode: 0o755 });
      enable(directory);
    }
    accessSync(parent, constants.W_OK);
    return undefined;
  } catch (error) {
    return `${directory} is not ours to make cgroups in: ${messageOf(error)}`;
  }
}

function enable(directory: string): void {
  const enabled = words(join(directory, 'cgroup.subtree_control'));
  for (const name of words(join(directory, 'cgroup.controllers'))) {
    if (enabled.includes(name)) continue;
    try {
      writeFileSync(join(directory, 'cgroup.subtree_control'), `+${name}`);
    } catch {
      // EBUSY, EACCES: a limit that needs it is refused by name when it is asked for.
    }
  }
}

const words = (path: string) => readFileSync(path, 'utf8').trim().split(' ').filter(Boolean);

// Brings the child into being: its namespaces, its cgroup, its id maps, its limits; up to where it may go on as root of its
// user namespace. In one clone3 where all namespaces are new, else in steps. clone(2), setns(2), user_namespaces(7)

import type { Spec } from '../../base/oci-runtime.ts';
import * as k from '../../native/constants.ts';
import type { Op } from '../../native/ops.ts';
import {
  cloneFlags,
  enterNamespaces,
  isNew,
  joinNamespaces,
  joinsOthers,
  timeNamespace,
  writeIdMaps,
} from './namespaces.ts';
import { parentLimits } from './process.ts';
import type { Slots } from './slots.ts';
import { mapsByUser, type MappingUser } from './user-maps.ts';

export interface BirthOptions {
  /** absolute path of the container's directory in the cgroup v2 tree */
  cgroup?: string;
  /** its directories in cgroup v1 */
  cgroupsV1?: readonly string[];
  /** the walker goes on afterwards: its own namespaces stay as they are, and it sets the limits */
  survives?: boolean;
  /** an unprivileged user */
  user?: MappingUser;
}

/** The parent's ops, which its release is to follow, and the child's. */
export function birth(spec: Spec, options: BirthOptions, slots: Slots): { parent: Op[]; child: Op[] } {
  const { cgroup, cgroupsV1 = [], survives = false, user } = options;
  const staged = survives && joinsOthers(spec) ? enterNamespaces(spec, slots) : undefined;
  const parent: Op[] = staged ? [...staged.parent] : joinNamespaces(spec, slots);
  const child: Op[] = joinV1(cgroupsV1);
  const flags = staged ? 0 : cloneFlags(spec);
  if (cgroup === undefined) {
    parent.push({ who: 'parent', op: 'clone3', flags });
  } else {
    const slot = slots.passing;
    const open = k.O_PATH | k.O_DIRECTORY | k.O_CLOEXEC;
    parent.push({ who: 'parent', op: 'open', path: cgroup, flags: open, slot });
    parent.push({ who: 'parent', op: 'clone3', flags, cgroup: slot });
    parent.push({ who: 'parent', op: 'close', fd: slot });
    child.push({ who: 'child', op: 'close', fd: slot });
  }
  if (survives) parent.push(...parentLimits(spec));
  child.push(...(staged?.before ?? []));
  if (staged && isNew(spec, 'user')) {
    // The maps can be written when the namespace is there.
    child.push({ who: 'child', op: 'release' });
    parent.push({ who: 'parent', op: 'await' });
  }
  parent.push(...(user ? mapsByUser(spec, user) : writeIdMaps(spec)));
  // Until the parent has written the id maps: before, the child is nobody and may nothing.
  child.push({ who: 'child', op: 'await' }, ...timeNamespace(spec, slots), ...(staged?.after ?? []));
  return { parent, child };
}

/** By the child itself, while it has the ids of its walker, who may. cgroups(7) cgroup.procs */
export function joinV1(directories: readonly string[]): Op[] {
  return directories.map((directory) => ({
    who: 'child',
    op: 'write_file',
    path: `${directory}/cgroup.procs`,
    data: '0',
  }));
}

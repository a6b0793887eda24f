// Tells which sources of binds are not directories, since a plan has to make a mount point of the same kind. Runs in the daemon
// (or punnet-runc), which sees the host's paths as the container's init will. mount(2)

import { statSync } from 'node:fs';
import type { Spec } from '../base/oci-runtime.ts';
import { parseMountOptions } from './mount-options.ts';

/** A source that is missing counts as a directory: the plan's open_tree then says ENOENT and names it. */
export function bindFiles(spec: Spec): Set<string> {
  const files = new Set<string>();
  for (const { source, options, type } of spec.mounts ?? []) {
    if (source === undefined || !parseMountOptions(options, type).bind) continue;
    if (statSync(source, { throwIfNoEntry: false })?.isDirectory() === false) files.add(source);
  }
  return files;
}

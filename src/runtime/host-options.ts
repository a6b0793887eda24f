// What the compiler must know of the host that a config.json does not say. Runs in punnet-runc, which sees the host's paths as
// the container's init will, with the bundle as its working directory. user_namespaces(7), proc(5)

import { readFileSync } from 'node:fs';
import type { Spec } from '../base/oci-runtime.ts';
import { bindFiles } from './bind-files.ts';
import type { CompileOptions } from './compile.ts';
import { parseIdMap } from './host-facts.ts';
import { mountPointOf } from './mount-point-of.ts';

type HostOptions = Pick<CompileOptions, 'files' | 'initialUserns' | 'rootfsParent'>;

/** @param rootfs absolute, without links */
export function hostOptions(spec: Spec, rootfs: string): HostOptions {
  const shared = /^r?shared$/.test(spec.linux?.rootfsPropagation ?? '');
  return {
    files: bindFiles(spec),
    initialUserns: inInitialUserns(readFileSync('/proc/self/uid_map', 'utf8')),
    ...(shared ? { rootfsParent: mountPointOf(readFileSync('/proc/self/mountinfo', 'utf8'), rootfs) } : {}),
  };
}

/** Whether this uid_map is that of the host's own user namespace, where a process may make device files. */
export function inInitialUserns(uidMap: string): boolean {
  const [line, ...others] = parseIdMap(uidMap);
  return others.length === 0 && line?.containerID === 0 && line.hostID === 0 && line.size === 0xffff_ffff;
}

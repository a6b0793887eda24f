// What the compiler must know of a bundle and of who we are. Runs in every verb that compiles one.

import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CompileOptions } from '../compile.ts';
import { hostOptions } from '../host-options.ts';
import type { MappingUser } from '../compile/user-maps.ts';
import { seccompFilter } from '../seccomp-filter.ts';
import type { Bundle } from './bundle.ts';
import type { Settings } from './settings.ts';

/** Compiled seccomp filters are kept beside the containers; `~` is in no container's name. */
export const filterCache = ({ root }: Settings) => join(root, '~seccomp');

export function bundlePlanOptions({ spec, rootfs }: Bundle, settings: Settings): CompileOptions {
  const seccomp = spec.linux?.seccomp ? seccompFilter(spec.linux.seccomp, filterCache(settings)) : undefined;
  const user = mappingUser();
  return { rootfs, ...hostOptions(spec, rootfs), ...(seccomp ? { seccomp } : {}), ...(user ? { user } : {}) };
}

/* CAP_SETUID and CAP_SETGID, capabilities(7) */
const SETIDS = (1n << 6n) | (1n << 7n);

/** Undefined for who may write any map: root, here or in an engine's user namespace. */
function mappingUser(): MappingUser | undefined {
  if (process.geteuid!() === 0) {
    const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
    if ((BigInt(`0x${effective}`) & SETIDS) === SETIDS) return undefined;
  }
  const [newuidmap, newgidmap] = ['newuidmap', 'newgidmap'].map(findProgram);
  return { uid: process.geteuid!(), gid: process.getegid!(), newuidmap, newgidmap };
}

function findProgram(name: string): string | undefined {
  const directories = [
    ...(process.env.PATH ?? '').split(':').filter((each) => each.startsWith('/')),
    '/usr/bin',
    '/bin',
  ];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not here; the next directory may have it
  }
}

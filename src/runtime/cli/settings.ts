// The global flags: where state is kept, where errors are told. As runc's, so that engines need not know the difference.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { FlagTable, Flags } from './flags.ts';

export const GLOBAL_FLAGS: FlagTable = {
  debug: ['bool', 'tell more in the log'],
  log: ['text', 'file for the log; stderr by default'],
  'log-format': ['text', 'text (the default) or json'],
  root: ['text', 'directory of the containers’ state; /run/punnet-runc, or $XDG_RUNTIME_DIR/punnet-runc without root'],
  criu: ['text', 'accepted for compatibility'],
  'systemd-cgroup': ['bool', 'let systemd make the cgroup; cgroupsPath is slice:prefix:name then'],
  rootless: ['text', 'true, false or auto (the default): ignore a cgroup that this user may not make'],
  'help,h': ['bool', 'show help'],
  'version,v': ['bool', 'print the version'],
};

export interface Settings {
  /** absolute path: a directory for each container */
  root: string;
  log: string | undefined;
  logFormat: 'text' | 'json';
  systemdCgroup: boolean;
  /** this user is not the host's root: no cgroup is no error while no limit asks for one */
  rootless: boolean;
}

export function settingsOf(flags: Flags, env: NodeJS.ProcessEnv = process.env): Settings {
  const wanted = flags.text('rootless') ?? 'auto';
  const rootless = /^(1|t|true)$/i.test(wanted) || (wanted === 'auto' && isRootless(env));
  const home = rootless && env.XDG_RUNTIME_DIR ? env.XDG_RUNTIME_DIR : '/run';
  return {
    root: resolve(flags.text('root') ?? join(home, 'punnet-runc')),
    log: flags.text('log'),
    logFormat: flags.text('log-format') === 'json' ? 'json' : 'text',
    systemdCgroup: flags.bool('systemd-cgroup'),
    rootless,
  };
}

/* An unprivileged user, or root of a user namespace of theirs (podman's). Root of a nested container may be root enough. */
function isRootless(env: NodeJS.ProcessEnv): boolean {
  if (process.geteuid!() !== 0) return true;
  if (readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/).join(' ') === '0 0 4294967295') return false;
  return env.USER !== 'root';
}

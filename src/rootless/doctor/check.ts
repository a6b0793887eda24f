// What doctor says about one property of the host, and the host as the checks see it. Types and constructors only.

import { join } from 'node:path';
import type { Locations } from '../../base/locations.ts';
import { readIfThere, type Account } from '../account.ts';

export interface Check {
  /** a word to grep for: `subordinate-ids` */
  name: string;
  /** fail: no container can run; warn: something specific will not work */
  status: 'ok' | 'warn' | 'fail';
  /** one sentence: what was found */
  detail: string;
  /** what does not work because of it */
  breaks?: string;
  /** commands or changes that mend it, one per line */
  fix?: string;
}

/** Everything a check may look at. Files are read below `root`, so that a test can show it another host. */
export interface Host {
  root: string;
  account: Account;
  env: NodeJS.ProcessEnv;
  locations: Locations;
  /** as uname -r prints it */
  kernel: string;
  /** process.versions.node */
  node: string;
}

export type Probe = (host: Host) => Check | Promise<Check>;

/** The text of a file of the host; '' when there is none. `path` is absolute. */
export function read(host: Host, path: string): string {
  return readIfThere(join(host.root, path));
}

/** A sysctl's value, or undefined where this kernel has none of that name. */
export function sysctl(host: Host, name: string): string | undefined {
  return read(host, `/proc/sys/${name.replaceAll('.', '/')}`).trim() || undefined;
}

/** Sets a sysctl now and for the next boot. */
export function sysctlFix(name: string, value: string): string {
  return `echo '${name} = ${value}' | sudo tee -a /etc/sysctl.d/99-punnet.conf && sudo sysctl --system`;
}

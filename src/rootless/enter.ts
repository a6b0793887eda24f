// The two ways into the environment's namespaces: making them (the holder) and joining them (the daemon). Runs in the
// launcher, outside, as the user. unshare(1), nsenter(1), user_namespaces(7)

import { spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import type { Account } from './account.ts';
import type { IdMaps } from './id-map.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { writeIdMaps } from './write-id-maps.ts';

/** Starts a process in a new user and mount namespace that has `maps`; it sleeps until SIGTERM. Resolves to its pid. */
export async function startHolder(maps: IdMaps, account: Account): Promise<number> {
  const child = spawn('unshare', ['--user', '--mount', '--propagation', 'slave', 'sleep', 'infinity'], {
    stdio: 'ignore',
    detached: true,
    cwd: '/',
  });
  await new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const own = readlinkSync('/proc/self/ns/mnt');
  while (readlinkSync(`/proc/${child.pid}/ns/mnt`) === own) await new Promise((resolve) => setTimeout(resolve, 1));
  writeIdMaps(child.pid!, maps, account);
  child.unref();
  return child.pid!;
}

export interface Inside {
  holder: ProcessIdentity;
  argv: string[];
  env: NodeJS.ProcessEnv;
  /** descriptor that becomes stdout and stderr */
  log: number;
}

/** Starts a program inside the holder's namespaces as uid 0 there, in a session of its own. */
export function startInside({ holder, argv, env, log }: Inside): { pid: number; ended: Promise<string> } {
  const child = spawn('nsenter', ['-t', String(holder.pid), '-U', '-m', '-S', '0', '-G', '0', '--', ...argv], {
    stdio: ['ignore', log, log],
    detached: true,
    env,
  });
  child.unref();
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ? `killed by ${signal}` : `exit code ${code}`));
  });
  return { pid: child.pid!, ended };
}

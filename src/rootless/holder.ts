// The holder keeps the environment's user and mount namespace alive when no daemon runs, so that a restarted daemon finds
// its containers. Runs in the launcher, outside, as the user; the holder itself is uid 0 of the namespace and only sleeps.
// Its state is one file, believed only while pid, start time and both namespace inodes still agree. namespaces(7)

import { mkdirSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, writeJsonAtomic } from '../base/atomic-file.ts';
import { errnoOf, messageOf } from '../base/errors.ts';
import type { Account } from './account.ts';
import type { Owner } from './directories.ts';
import { startHolder } from './enter.ts';
import { mountHostTree } from './host-tree.ts';
import type { IdMaps } from './id-map.ts';
import { isAlive, startTimeOf, type ProcessIdentity } from '../native/process-identity.ts';

export interface Holder extends ProcessIdentity {
  /** as readlink prints them: `user:[4026532417]` */
  userNamespace: string;
  mountNamespace: string;
  maps: IdMaps;
  /** where the host's files are id-mapped, in an environment that root started */
  hostTree?: string;
}

/**
 * Where the launcher keeps what it must be able to trust. As root that is beside the daemon's runtime directory, not in
 * it: a daemon that was taken over must not choose the process whose namespaces root enters next.
 */
export function stateDirectory(run: string, account: Pick<Account, 'asRoot'>): string {
  return account.asRoot ? `${run}.root` : run;
}

/** The living holder, or undefined. */
export function findHolder(directory: string): Holder | undefined {
  const holder = readJson<Holder>(join(directory, 'holder.json'));
  if (!holder || !isAlive(holder)) return undefined;
  const now = namespacesOf(holder.pid);
  const same = now?.userNamespace === holder.userNamespace && now.mountNamespace === holder.mountNamespace;
  return same ? holder : undefined;
}

/** Starts a holder with these maps and writes its state. @throws what startHolder throws */
export async function createHolder(
  directory: string,
  options: { maps: IdMaps; account: Account; shim: string; hostTree: string | undefined; owner: Owner },
): Promise<Holder> {
  const pid = await startHolder(options);
  const startTime = startTimeOf(pid);
  const namespaces = namespacesOf(pid);
  if (!startTime || !namespaces) throw new Error(`holder ${pid} ended at once`);
  const { maps, hostTree, owner } = options;
  const holder: Holder = { pid, startTime, ...namespaces, maps };
  if (hostTree !== undefined) {
    try {
      await mountHostTree(hostTree, { holder, owner });
      holder.hostTree = hostTree;
    } catch (error) {
      // containers run without it; what is lost is said once, when the environment is made
      process.stderr.write(`punnetd: -v will not give containers the files of root: ${messageOf(error)}\n`);
    }
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeJsonAtomic(join(directory, 'holder.json'), holder);
  return holder;
}

/** Ends the holder, and with it the namespaces once nothing else runs in them. */
export function endHolder(directory: string): void {
  const holder = findHolder(directory);
  try {
    if (holder) process.kill(holder.pid, 'SIGTERM');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
  rmSync(join(directory, 'holder.json'), { force: true });
}

function namespacesOf(pid: number): Pick<Holder, 'userNamespace' | 'mountNamespace'> | undefined {
  try {
    return {
      userNamespace: readlinkSync(`/proc/${pid}/ns/user`),
      mountNamespace: readlinkSync(`/proc/${pid}/ns/mnt`),
    };
  } catch {
    return undefined; // ended, or never ours to look into
  }
}

// Takes away what punnet keeps for one user: containers, daemon, namespaces, then the directories. Runs in the launcher,
// outside, as the user; the data is deleted by rm inside the namespaces, because it holds files of subordinate ids.

import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, unavailable } from '../base/errors.ts';
import type { Locations } from '../base/locations.ts';
import type { Account } from './account.ts';
import { startInside } from './enter.ts';
import { createHolder, endHolder, findHolder, stateDirectory, type Holder } from './holder.ts';
import { outsideId } from './id-map.ts';
import { mapsFor } from './launch.ts';
import { isAlive, startTimeOf } from '../native/process-identity.ts';
import { programsFor, type Programs } from './program-copy.ts';

export interface Uninstall {
  locations: Locations;
  account: Account;
  programs: Programs;
}

/** The directories that exist and would be removed. */
export function whatIsThere({ locations, account }: Uninstall): string[] {
  const { root, run } = locations;
  return [root, `${root}.program`, run, stateDirectory(run, account)].filter(
    (path, index, all) => existsSync(path) && all.indexOf(path) === index,
  );
}

/** @throws unavailable when something of the data could not be deleted */
export async function uninstall(options: Uninstall): Promise<void> {
  const { locations, account, programs } = options;
  const state = stateDirectory(locations.run, account);
  const { native } = account.asRoot ? programsFor(programs, `${locations.root}.program`) : programs;
  let holder = findHolder(state);
  if (holder) await endProcesses(holder);
  if (existsSync(locations.root)) {
    const maps = mapsFor(account);
    const owner = { uid: outsideId(maps.uid, 0)!, gid: outsideId(maps.gid, 0)! };
    const shim = join(native, 'punnet-shim');
    holder ??= await createHolder(state, { maps, account, shim, owner, hostTree: undefined });
    const inside = readdirSync(locations.root).map((name) => join(locations.root, name));
    const { ended } = startInside({
      holder,
      account,
      argv: ['/bin/rm', '-rf', '--', ...inside],
      env: { PATH: process.env.PATH },
      stdout: 2,
      stderr: 2,
    });
    if ((await ended).exitCode !== 0) throw unavailable(`${locations.root} could not be emptied`);
  }
  endHolder(state);
  for (const path of whatIsThere(options)) rmSync(path, { recursive: true, force: true });
}

/** The daemon and the shims are the processes in the holder's user namespace; an init dies with its shim. */
async function endProcesses(holder: Holder): Promise<void> {
  const found = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== holder.pid)
    .map((name) => ({ pid: Number(name), startTime: startTimeOf(Number(name)) ?? '' }))
    .filter(({ pid }) => userNamespaceOf(pid) === holder.userNamespace);
  // SIGKILL, because a daemon that is asked to stop would let the holder go, which is needed once more
  for (const { pid } of found) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (errnoOf(error) !== 'ESRCH') throw error;
    }
  }
  for (let i = 0; i < 500 && found.some(isAlive); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  const left = found.filter(isAlive);
  if (left.length > 0) throw unavailable(`process ${left[0]!.pid} does not end: ${commandOf(left[0]!.pid)}`);
}

function userNamespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/user`);
  } catch {
    return undefined; // ended, or not ours
  }
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
}

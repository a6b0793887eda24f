// Starts the daemon: directories, holder, daemon inside, and waits until it listens. Runs outside the namespaces as the
// user who typed it, and ends; two launchers at once start one daemon. docs/rootless.md draws the whole hand-over.

import { closeSync, constants, fchownSync, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { unavailable } from '../base/errors.ts';
import type { Locations } from '../base/locations.ts';
import { flock } from '../native/addon.ts';
import { subordinateIds, type Account } from './account.ts';
import { closeDelegation, delegate } from './delegate-cgroup.ts';
import { makeDirectories, type Owner } from './directories.ts';
import { startInside } from './enter.ts';
import { createHolder, endHolder, findHolder, stateDirectory, type Holder } from './holder.ts';
import { mapOfUser, outsideId, type IdMaps } from './id-map.ts';
import { environmentOf } from './inside.ts';
import { programsFor, type Programs } from './program-copy.ts';
import { mapsOfRoot } from './root-range.ts';

const LOCK_EX = 2;

export interface Launch {
  locations: Locations;
  account: Account;
  /** where this program's own files are */
  programs: Programs;
  env: NodeJS.ProcessEnv;
  /** where cgroup v2 is mounted, if it is */
  cgroupMount: string | undefined;
  /** called before anything is made, unless the namespaces exist already; throws what stands in the way */
  preflight(): Promise<void>;
}

/** Resolves when a daemon listens on the socket, whether or not it was this call that started it. */
export async function launch(options: Launch): Promise<void> {
  const { locations, account } = options;
  if (await listens(locations.socket)) return;
  const state = stateDirectory(locations.run, account);
  if (!findHolder(state)) await options.preflight();
  const maps = mapsFor(account);
  const owner = { uid: outsideId(maps.uid, 0)!, gid: outsideId(maps.gid, 0)! };
  makeDirectories(locations, owner, account.asRoot);
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const lock = openSync(join(state, 'launch.lock'), 'a', 0o600);
  try {
    flock(lock, LOCK_EX);
    if (await listens(locations.socket)) return;
    const programs = account.asRoot ? programsFor(options.programs, `${locations.root}.program`) : options.programs;
    const shim = join(programs.native, 'punnet-shim');
    const hostTree = account.asRoot ? join(locations.run, 'host') : undefined;
    const found = findHolder(state);
    const holder = found ?? (await createHolder(state, { maps, account, shim, owner, hostTree }));
    try {
      await startDaemon({ ...options, programs }, { holder, owner });
    } catch (error) {
      // namespaces that were made for this daemon alone go with it
      if (!found) endHolder(state);
      throw error;
    }
  } finally {
    closeSync(lock);
  }
}

/** Root gets a range that is nobody's; everybody else their own id and their own ranges. */
export function mapsFor(account: Account): IdMaps {
  if (account.asRoot) return mapsOfRoot();
  const ids = subordinateIds(account);
  return { uid: mapOfUser(account.uid, ids.uid), gid: mapOfUser(account.gid, ids.gid) };
}

async function startDaemon(options: Launch, { holder, owner }: { holder: Holder; owner: Owner }): Promise<void> {
  const { locations, account, programs, env } = options;
  const log = openLog(join(locations.root, 'punnetd.log'), owner);
  const before = fstatSync(log).size;
  const cgroup = delegate(account, { env, mount: options.cgroupMount, owner });
  const { ended } = startInside({
    holder,
    cgroup: cgroup?.own,
    argv: [programs.node, join(programs.dist, 'punnetd.cjs'), 'inside'],
    account,
    env: {
      ...env,
      ...environmentOf({ locations, holder, account, native: programs.native }),
      ...(holder.hostTree && { PUNNET_HOST_TREE: holder.hostTree }),
      ...(cgroup && { PUNNET_CGROUP: cgroup.parent }),
    },
    stdout: log,
    stderr: log,
  });
  closeDelegation(cgroup);
  let end: string | undefined;
  void ended.then(({ exitCode, signal }) => (end = signal ? `killed by signal ${signal}` : `exit code ${exitCode}`));
  while (!(await listens(locations.socket))) {
    if (end !== undefined) {
      const said = readFileSync(join(locations.root, 'punnetd.log')).subarray(before).toString().trim();
      throw unavailable(said.replace(/^punnetd: /, '') || `punnetd ended before it listened: ${end}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  closeSync(log);
}

/** O_NOFOLLOW and the check of the owner, because the data directory is not root's even when root starts the daemon. */
function openLog(path: string, owner: Owner): number {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
  const fd = openSync(path, flags, 0o600);
  const found = fstatSync(fd);
  if (!found.isFile() || found.nlink !== 1 || (found.uid !== owner.uid && found.uid !== process.getuid!())) {
    closeSync(fd);
    throw unavailable(`${path} is not a log of this daemon`, { fix: `rm ${path}` });
  }
  if (found.uid !== owner.uid) fchownSync(fd, owner.uid, owner.gid);
  return fd;
}

/** Whether someone accepts connections on the socket. */
export function listens(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('connect', () => resolve(true));
    connection.once('error', () => resolve(false));
    connection.once('connect', () => connection.destroy());
  });
}

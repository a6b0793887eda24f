// Gets the daemon a part of the cgroup v2 tree in which it may make cgroups. Runs in the launcher, outside, as the user: root
// makes a cgroup and gives it to the mapped root; a user of systemd is given a scope of her own manager, because a login
// session's cgroup belongs to root. cgroups(7) "Delegation", systemd-run(1), systemd.resource-control(5) Delegate=

import { spawn } from 'node:child_process';
import {
  accessSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { constants as os } from 'node:os';
import { join } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import type { Account } from './account.ts';
import type { Owner } from './directories.ts';
import { findInPath } from './find-in-path.ts';

/** What daemon and holder are in; runtime/cgroup-tree.ts gives it the same name. */
const OWN = 'punnetd';
/** Set in a launcher that systemd-run started, so that it does not ask again. */
const SCOPED = 'PUNNET_SCOPED';
/** Files of a cgroup that its owner needs. cgroup-v2.rst "Model of Delegation" */
const DELEGATED = ['', 'cgroup.procs', 'cgroup.threads', 'cgroup.subtree_control'];

export interface Delegation {
  /** the cgroup below which the daemon makes others */
  parent: string;
  /** descriptor of parent/punnetd, for CLONE_INTO_CGROUP */
  own: number;
}

/**
 * The command that starts this program again in a scope of its own, where that is needed and possible.
 * @param mount where cgroup v2 is mounted
 */
export function scopeCommand(
  account: Account,
  { env, mount }: { env: NodeJS.ProcessEnv; mount: string | undefined },
): string[] | undefined {
  if (mount === undefined || env[SCOPED] || env.PUNNET_CGROUP) return undefined;
  if (!/\bmemory\b/.test(textOf(join(mount, 'cgroup.controllers')))) return undefined; // hybrid: nothing to win
  if (!account.asRoot && isOurs(ownCgroup(mount))) return undefined;
  const manager = account.asRoot ? '/run/systemd/private' : join(env.XDG_RUNTIME_DIR ?? '/nowhere', 'systemd/private');
  const program = findInPath('systemd-run', env.PATH);
  if (!existsSync(manager) || !program) return undefined;
  const whose = account.asRoot ? [] : ['--user'];
  return [program, ...whose, '--scope', '--quiet', '--collect', '--property=Delegate=yes', '--'];
}

/** Runs this program once more behind `command`; its output is ours. @returns its exit code */
export function startInScope(command: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [program, ...rest] = [...command, process.execPath, ...process.argv.slice(1)];
  return new Promise((resolve, reject) => {
    const child = spawn(program!, rest, { stdio: 'inherit', env: { ...env, [SCOPED]: '1' } });
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? os.signals[signal] : 0)));
  });
}

/**
 * Makes ready the cgroup that the daemon starts in, owned by `owner`; undefined where there is none to be had, or where the
 * daemon's own is already delegated and it can help itself.
 */
export function delegate(
  account: Account,
  options: { env: NodeJS.ProcessEnv; mount: string | undefined; owner: Owner },
): Delegation | undefined {
  const { env, mount, owner } = options;
  if (mount === undefined) return undefined;
  const parent =
    env.PUNNET_CGROUP ?? (env[SCOPED] ? ownCgroup(mount) : account.asRoot ? join(mount, 'punnet') : undefined);
  if (parent === undefined) return undefined;
  try {
    if (account.asRoot) {
      mkdirSync(parent, { recursive: true, mode: 0o755 });
      offerControllers(join(parent, '..'));
    }
    const own = join(parent, OWN);
    mkdirSync(own, { recursive: true, mode: 0o755 });
    // we too, because a cgroup that gives controllers to its children may hold no process of its own
    if (env[SCOPED]) writeFileSync(join(own, 'cgroup.procs'), String(process.pid));
    if (account.asRoot) for (const place of [parent, own]) give(place, owner);
    return { parent, own: openSync(own, constants.O_RDONLY | constants.O_DIRECTORY) };
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined; // the daemon says that it has no cgroup, and each limit that is asked for is warned of
  }
}

/** Closes the descriptor. */
export function closeDelegation(delegation: Delegation | undefined): void {
  if (delegation) closeSync(delegation.own);
}

function give(cgroup: string, { uid, gid }: Owner): void {
  for (const name of DELEGATED) chownSync(join(cgroup, name), uid, gid);
}

/** One by one, since one that is refused would refuse them all; what is missing then, the daemon reports. */
function offerControllers(cgroup: string): void {
  for (const name of textOf(join(cgroup, 'cgroup.controllers')).trim().split(/\s+/)) {
    try {
      writeFileSync(join(cgroup, 'cgroup.subtree_control'), `+${name}`);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
  }
}

function ownCgroup(mount: string): string {
  return join(mount, /^0::(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/');
}

function isOurs(cgroup: string): boolean {
  try {
    for (const name of ['', 'cgroup.procs']) accessSync(join(cgroup, name), constants.W_OK);
    return true;
  } catch {
    return false; // EACCES: root's, as in every login session
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // no such cgroup or no controllers: the same answer
  }
}

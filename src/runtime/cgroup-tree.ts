// Where containers' cgroups can be made: a part of the cgroup v2 tree that is delegated to us. Inside it, PARENT/punnetd holds
// the daemon and its shims (a cgroup that gives controllers to children may hold no process itself), PARENT/<id> a container.
// Runs in the daemon at start, as root of its user namespace, in the host's cgroup namespace. cgroups(7), cgroup-v2.rst

import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf } from '../base/errors.ts';

/** What the daemon's own cgroup is called. */
const OWN = 'punnetd';

export interface CgroupTree {
  /** absolute directory below which containers' cgroups are made; undefined: nowhere */
  parent: string | undefined;
  /** controllers that its children have */
  controllers: ReadonlySet<string>;
  /** why there is no parent, or why controllers are missing */
  reason: string | undefined;
}

/**
 * Finds the delegated part, moves this process into PARENT/punnetd and gives PARENT's controllers to its children. Never
 * throws: what is not there is said in `reason`, and a limit that needs it is warned of when a container asks for it.
 * @param env PUNNET_CGROUP names the parent: an absolute directory in a cgroup v2 mount
 */
export function openCgroupTree(env: NodeJS.ProcessEnv = process.env): CgroupTree {
  const nothing = (reason: string): CgroupTree => ({ parent: undefined, controllers: new Set(), reason });
  const mount = cgroup2Mount(readFileSync('/proc/self/mountinfo', 'utf8'));
  if (mount === undefined) return nothing('no cgroup v2 tree is mounted');
  const own = ownCgroup(readFileSync('/proc/self/cgroup', 'utf8'));
  const parent = env.PUNNET_CGROUP ?? parentFor(join(mount, own ?? '/'));
  if (!isWritable(parent)) return nothing(`no part of ${mount} is delegated to this user: ${parent} is not writable`);
  try {
    const home = join(parent, OWN);
    if (!existsSync(home)) mkdirSync(home, { mode: 0o755 });
    writeFileSync(join(home, 'cgroup.procs'), String(process.pid));
  } catch (error) {
    return nothing(`cannot move the daemon into ${join(parent, OWN)}: ${messageOf(error)}`);
  }
  const { enabled, reason } = enableControllers(parent);
  return { parent, controllers: enabled, reason };
}

/** The mount point of cgroup v2 in mountinfo's text; on a hybrid host it is not /sys/fs/cgroup itself. proc(5) */
export function cgroup2Mount(mountinfo: string): string | undefined {
  for (const line of mountinfo.split('\n')) {
    const [before = '', after] = line.split(' - ');
    if (after?.startsWith('cgroup2 ')) return before.split(' ')[4]!.replaceAll('\\040', ' ');
  }
  return undefined;
}

/** The directory of the cgroup that a process is in; undefined where no cgroup v2 tree is mounted. */
export function cgroupOf(pid: number): string | undefined {
  const mount = cgroup2Mount(readFileSync('/proc/self/mountinfo', 'utf8'));
  const own = ownCgroup(readFileSync(`/proc/${pid}/cgroup`, 'utf8'));
  return mount === undefined || own === undefined ? undefined : join(mount, own);
}

/** `0::/user.slice/…` → `/user.slice/…` */
export function ownCgroup(text: string): string | undefined {
  return /^0::(\/.*)$/m.exec(text)?.[1];
}

/* A daemon that was started again by its predecessor's child is already in the place. */
function parentFor(own: string): string {
  return own.endsWith(`/${OWN}`) ? dirname(own) : own;
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    accessSync(join(directory, 'cgroup.procs'), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function enableControllers(parent: string): { enabled: Set<string>; reason: string | undefined } {
  const control = join(parent, 'cgroup.subtree_control');
  const words = (file: string) => readFileSync(join(parent, file), 'utf8').trim().split(' ').filter(Boolean);
  const reasons: string[] = [];
  // One by one, because one that is refused would refuse them all.
  for (const name of words('cgroup.controllers')) {
    try {
      writeFileSync(control, `+${name}`);
    } catch (error) {
      reasons.push(`cannot enable the ${name} controller in ${control}: ${messageOf(error)}`);
    }
  }
  const enabled = new Set(words('cgroup.subtree_control'));
  const missing = ['cpu', 'io', 'memory', 'pids'].filter((name) => !enabled.has(name));
  if (reasons.length === 0 && missing.length > 0) reasons.push(`${parent} has no ${missing.join(', ')} controller`);
  return { enabled, reason: reasons.length > 0 ? reasons.join('; ') : undefined };
}

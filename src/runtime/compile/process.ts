// spec.process → the last ops before execve: limits, working directory, seccomp, capabilities, ids. Child only. The order is
// what each step still needs: see beside them. execve(2), capabilities(7), seccomp(2), credentials(7)

import { invalidArgument, PunnetError } from '../../base/errors.ts';
import type { Spec, SpecLinux, SpecProcess } from '../../base/oci-runtime.ts';
import * as k from '../../native/constants.ts';
import type { Op, Slot, Who } from '../../native/ops.ts';
import { capabilityMask } from '../capabilities.ts';
import { seccompOps } from './filter.ts';
import { hasOwn, isNew } from './namespaces.ts';
import { schedulingOps } from './scheduling.ts';
import { PRESERVED } from './slots.ts';

const SIGKILL = 9;
/** chown(2): (gid_t)-1 */
const KEEP = -1;

export interface Preparation {
  /** whether the child sets its limits; absent: it does */
  limits?: boolean;
  /** standard streams that stay their owner's */
  keptStreams?: readonly number[] | undefined;
  /** what concerns the process there: personality and memoryPolicy */
  linux?: SpecLinux | undefined;
  /** security modules that this kernel has enabled */
  lsm?: SecurityModules | undefined;
}

/** While the process still has every capability and nothing is filtered. */
export function prepareProcess(process: SpecProcess, preparation: Preparation = {}): Op[] {
  const { limits = true, keptStreams = [], linux = {}, lsm = {} } = preparation;
  const ops: Op[] = [{ who: 'child', op: 'umask', mask: process.user.umask ?? 0o022 }];
  if (limits) ops.push(...limitOps(process, 'child'));
  if (!process.terminal) {
    for (const fd of [0, 1, 2]) ops.push(...stream(fd, keptStreams.includes(fd) ? 0 : process.user.uid));
  }
  // As root, because the directory may be closed to the user (`WORKDIR /root`, `USER app`).
  ops.push({ who: 'child', op: 'chdir', path: process.cwd });
  ops.push(...schedulingOps(process, linux), ...personality(linux), ...labels(process, lsm));
  return ops;
}

/** personality(2) */
const DOMAINS: Readonly<Record<string, number>> = { LINUX: 0, LINUX32: 8 };

function personality({ personality: wanted }: SpecLinux): Op[] {
  if (!wanted) return [];
  const persona = Object.hasOwn(DOMAINS, wanted.domain) ? DOMAINS[wanted.domain] : undefined;
  if (persona === undefined) throw invalidArgument(`invalid personality domain ${wanted.domain}`);
  if (wanted.flags?.length) throw unsupported(`linux.personality.flags ${JSON.stringify(wanted.flags)}`);
  return [{ who: 'child', op: 'personality', persona }];
}

/* Written before execve, which applies them. apparmor(7), selinux(8) */
function labels({ apparmorProfile, selinuxLabel }: SpecProcess, { apparmor, selinux }: SecurityModules): Op[] {
  const ops: Op[] = [];
  if (apparmorProfile) {
    const field = `process.apparmorProfile ${JSON.stringify(apparmorProfile)}`;
    if (!apparmor) throw unsupported(field, 'AppArmor is not enabled in this kernel');
    ops.push({
      who: 'child',
      op: 'write_file',
      path: '/proc/self/attr/apparmor/exec',
      data: `exec ${apparmorProfile}`,
    });
  }
  if (selinuxLabel) {
    const field = `process.selinuxLabel ${JSON.stringify(selinuxLabel)}`;
    if (!selinux) throw unsupported(field, 'selinux is disabled or not supported');
    ops.push({ who: 'child', op: 'write_file', path: '/proc/self/attr/exec', data: selinuxLabel });
  }
  return ops;
}

/** By the parent, when that is punnet-runc, whose privileges the child's user namespace has not. */
export function parentLimits(spec: Spec): Op[] {
  return limitOps(spec.process ?? {}, 'parent');
}

function limitOps({ oomScoreAdj, rlimits = [] }: Pick<SpecProcess, 'oomScoreAdj' | 'rlimits'>, who: Who): Op[] {
  const ops: Op[] = [];
  if (oomScoreAdj !== undefined) {
    const path = `/proc/${who === 'child' ? 'self' : '%child'}/oom_score_adj`;
    ops.push({ who, op: 'write_file', path, data: String(oomScoreAdj) });
  }
  for (const { type, soft, hard } of rlimits) {
    const resource = Object.hasOwn(k.RLIMITS, type) ? k.RLIMITS[type] : undefined;
    if (resource === undefined) throw invalidArgument(`unknown rlimit ${JSON.stringify(type)}`);
    ops.push({ who, op: 'setrlimit', resource, soft: limit(soft), hard: limit(hard) });
  }
  return ops;
}

/* Given to the user, so that /dev/stdout can be opened again. EPERM: it is the host's (its /dev/null), not ours to give. */
function stream(fd: number, uid: number): Op[] {
  const ops: Op[] = [{ who: 'child', op: 'dup2', fd, to: fd }];
  if (uid !== 0) ops.unshift({ who: 'child', op: 'fchown', fd, uid, gid: KEEP, except: ['EPERM', 'EROFS'] });
  return ops;
}

/** Which of these the kernel has enabled. */
export interface SecurityModules {
  apparmor?: boolean;
  selinux?: boolean;
}

export interface Becoming {
  /** the compiled filter of spec.linux.seccomp */
  seccomp?: Uint8Array | undefined;
  /** true: the process lives on when the one that cloned it ends */
  survives?: boolean | undefined;
  /** a place for the descriptor through which an agent answers the filter's questions; it is sent to the parent */
  listener?: Slot | undefined;
}

/** From here on the process is the container's. */
export function becomeProcess(spec: Spec, process: SpecProcess, { seccomp, survives, listener }: Becoming): Op[] {
  const { noNewPrivileges = false, user, capabilities: caps = {} } = process;
  const filter = seccompOps(spec.linux?.seccomp, seccomp, listener);
  // Before the filter, which need not know this call. What is opened from here on is close-on-exec by itself.
  const ops: Op[] = [{ who: 'child', op: 'close_range', first: 3, last: 0xffffffff, flags: k.CLOSE_RANGE_CLOEXEC }];
  if (noNewPrivileges) ops.push({ who: 'child', op: 'prctl', option: k.PR_SET_NO_NEW_PRIVS, arg2: 1 });
  // Without no_new_privs a filter needs CAP_SYS_ADMIN, which the next ops take away; with it, as late as can be.
  if (!noNewPrivileges) ops.push(...filter);
  // Before the ids change, because it takes CAP_SETPCAP.
  ops.push({ who: 'child', op: 'capbset', keep: capabilityMask(caps.bounding) });
  if (user.uid !== 0) ops.push({ who: 'child', op: 'prctl', option: k.PR_SET_KEEPCAPS, arg2: 1 });
  // A user namespace that is joined may have given setgroups up: then nothing but none can be had. user_namespaces(7)
  const gids = user.additionalGids ?? [];
  const denied = hasOwn(spec, 'user') && !isNew(spec, 'user') && gids.length === 0;
  ops.push({ who: 'child', op: 'setgroups', gids, ...(denied ? { except: ['EPERM'] } : {}) });
  ops.push({ who: 'child', op: 'setresgid', gid: user.gid });
  ops.push({ who: 'child', op: 'setresuid', uid: user.uid });
  ops.push({
    who: 'child',
    op: 'capset',
    effective: capabilityMask(caps.effective),
    permitted: capabilityMask(caps.permitted),
    inheritable: capabilityMask(caps.inheritable),
  });
  // The kernel raises what is permitted and inheritable, and no more; runc leaves out the rest as well.
  const raise = capabilityMask(caps.ambient) & capabilityMask(caps.inheritable) & capabilityMask(caps.permitted);
  if (raise !== 0n) ops.push({ who: 'child', op: 'ambient', raise });
  // After the ids, because a change of ids clears it.
  if (survives !== true) ops.push({ who: 'child', op: 'prctl', option: k.PR_SET_PDEATHSIG, arg2: SIGKILL });
  if (noNewPrivileges) ops.push(...filter);
  return ops;
}

/** Docker's look-up: a name with a slash is a path, any other is sought in the PATH that the container will have. */
export function execve(process: SpecProcess, preserved = 0): Op[] {
  // A duplicate is not close-on-exec.
  const kept = Array.from({ length: preserved }, (_, i): Op => {
    return { who: 'child', op: 'dup2', fd: PRESERVED + i, to: 3 + i };
  });
  return [
    ...kept,
    { who: 'child', op: 'execve', paths: programPaths(process), argv: process.args!, env: process.env ?? [] },
  ];
}

/** Where the program is sought, in order. @throws invalidArgument when there is no command */
export function programPaths(process: SpecProcess): string[] {
  const [name] = process.args ?? [];
  if (name === undefined) throw invalidArgument('no command specified');
  return candidates(name, process.env ?? []);
}

function candidates(name: string, env: readonly string[]): string[] {
  if (name.includes('/')) return [name];
  const path = env.findLast((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? '';
  // execve(2) of an empty path is ENOENT.
  if (path === '' || name === '') return [''];
  return path.split(':').map((directory) => `${directory || '.'}/${name}`);
}

/* JSON rounds 2^64-1 to 2^64; negative means unlimited too. */
function limit(value: number): bigint {
  return value < 0 || value >= 2 ** 64 ? k.RLIM_INFINITY : BigInt(value);
}

function unsupported(field: string, why?: string): PunnetError {
  return new PunnetError('notImplemented', `${field} is not supported${why === undefined ? '' : `: ${why}`}`);
}

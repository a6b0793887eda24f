// spec.process → the last ops before execve: limits, working directory, seccomp, capabilities, ids. Child only. The order is
// what each step still needs: see beside them. execve(2), capabilities(7), seccomp(2), credentials(7)

import { invalidArgument, PunnetError } from '../../base/errors.ts';
import type { Spec, SpecProcess, SpecSeccomp } from '../../base/oci-runtime.ts';
import * as k from '../../native/constants.ts';
import type { Op, Who } from '../../native/ops.ts';
import { capabilityMask } from '../capabilities.ts';
import { PRESERVED } from './slots.ts';

const SIGKILL = 9;
/** chown(2): (gid_t)-1 */
const KEEP = -1;

/** While the process still has every capability and nothing is filtered. */
export function prepareProcess(
  process: SpecProcess,
  { limits = true, keptStreams = [] }: { limits?: boolean; keptStreams?: readonly number[] } = {},
): Op[] {
  if (process.scheduler) throw unsupported('process.scheduler');
  if (process.ioPriority) throw unsupported('process.ioPriority');
  if (process.apparmorProfile) throw unsupported(`process.apparmorProfile ${JSON.stringify(process.apparmorProfile)}`);
  if (process.selinuxLabel) throw unsupported(`process.selinuxLabel ${JSON.stringify(process.selinuxLabel)}`);
  const ops: Op[] = [{ who: 'child', op: 'umask', mask: process.user.umask ?? 0o022 }];
  if (limits) ops.push(...limitOps(process, 'child'));
  if (!process.terminal) {
    for (const fd of [0, 1, 2]) ops.push(...stream(fd, keptStreams.includes(fd) ? 0 : process.user.uid));
  }
  // As root, because the directory may be closed to the user (`WORKDIR /root`, `USER app`).
  ops.push({ who: 'child', op: 'chdir', path: process.cwd });
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
    const resource = k.RLIMITS[type];
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

export interface Becoming {
  /** the compiled filter of spec.linux.seccomp */
  seccomp?: Uint8Array | undefined;
  /** true: the process lives on when the one that cloned it ends */
  survives?: boolean | undefined;
}

/** From here on the process is the container's. */
export function becomeProcess(spec: Spec, process: SpecProcess, { seccomp, survives }: Becoming): Op[] {
  const { noNewPrivileges = false, user, capabilities: caps = {} } = process;
  const filter = seccompOps(spec.linux?.seccomp, seccomp);
  const ops: Op[] = [];
  if (noNewPrivileges) ops.push({ who: 'child', op: 'prctl', option: k.PR_SET_NO_NEW_PRIVS, arg2: 1 });
  // Without no_new_privs a filter needs CAP_SYS_ADMIN, which the next ops take away; with it, as late as can be.
  if (!noNewPrivileges) ops.push(...filter);
  // Before the ids change, because it takes CAP_SETPCAP.
  ops.push({ who: 'child', op: 'capbset', keep: capabilityMask(caps.bounding) });
  if (user.uid !== 0) ops.push({ who: 'child', op: 'prctl', option: k.PR_SET_KEEPCAPS, arg2: 1 });
  ops.push({ who: 'child', op: 'setgroups', gids: user.additionalGids ?? [] });
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
  const limits = { first: 3 + preserved, last: 0xffffffff, flags: k.CLOSE_RANGE_CLOEXEC };
  const kept = Array.from({ length: preserved }, (_, i): Op => {
    return { who: 'child', op: 'dup2', fd: PRESERVED + i, to: 3 + i };
  });
  return [
    ...kept,
    { who: 'child', op: 'close_range', ...limits },
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
  if (path === '' || name === '') return [];
  return path.split(':').map((directory) => `${directory || '.'}/${name}`);
}

function seccompOps(profile: SpecSeccomp | undefined, filter: Uint8Array | undefined): Op[] {
  if (!profile) return [];
  if (!filter) throw new PunnetError('internal', 'the seccomp profile was not compiled');
  const flags = (profile.flags ?? ['SECCOMP_FILTER_FLAG_SPEC_ALLOW']).reduce((sum, name) => sum | filterFlag(name), 0);
  return [{ who: 'child', op: 'seccomp', flags, filter }];
}

function filterFlag(name: string): number {
  const flag = (k as unknown as Record<string, number>)[name];
  if (!name.startsWith('SECCOMP_FILTER_FLAG_') || flag === undefined) {
    throw invalidArgument(`unknown seccomp flag ${JSON.stringify(name)}`);
  }
  return flag;
}

/* JSON rounds 2^64-1 to 2^64; negative means unlimited too. */
function limit(value: number): bigint {
  return value < 0 || value >= 2 ** 64 ? k.RLIM_INFINITY : BigInt(value);
}

function unsupported(field: string): PunnetError {
  return new PunnetError('notImplemented', `${field} is not supported`);
}

// punnet-runc exec: a further process in the namespaces, the cgroup and under the rights of a container. runtime-spec has no such
// verb; engines take runc's.

import { closeSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { conflict, internal, invalidArgument } from '../../base/errors.ts';
import type { Spec, SpecProcess } from '../../base/oci-runtime.ts';
import type { Plan } from '../../native/ops.ts';
import { isAlive } from '../../native/process-identity.ts';
import { walk, type Walk } from '../../native/walk.ts';
import { cgroup2Mount, ownCgroup } from '../cgroup-tree.ts';
import { directoriesOf } from '../cgroup-v1.ts';
import { compileJoin } from '../compile-join.ts';
import { isNew } from '../compile/namespaces.ts';
import { cleanPath } from '../compile/root.ts';
import { seccompFilter } from '../seccomp-filter.ts';
import { filterCache } from './bundle-plan.ts';
import type { Call } from './commands.ts';
import { sendPidfd, sendTerminal } from './console.ts';
import { during } from './during.ts';
import { execProcess } from './exec-process.ts';
import { explainIfAsked, release, writePid } from './launch.ts';
import { hostStreams, inherited, preservedFds } from './preserved.ts';
import { startError } from './start-error.ts';
import { statusOf } from './status.ts';
import { mustRead, readConfig, type ContainerRecord } from './store.ts';

export async function exec(call: Call): Promise<number> {
  const { settings, flags, args } = call;
  const [id = '', ...command] = args;
  const record = mustRead(settings.root, id);
  checkStatus(call, record);
  const spec = readConfig(settings.root, id);
  if (isNew(spec, 'user') && process.geteuid!() !== 0) return (await import('./as-root-of.ts')).asRootOf(record.init!);
  const program = execProcess(spec.process!, { flags, command });
  const detach = flags.bool('detach');
  const console = flags.text('console-socket');
  if (program.terminal && console === undefined && detach) {
    throw invalidArgument('cannot allocate tty if runc will detach without setting console socket', {
      fix: '--console-socket PATH, or without --tty',
    });
  }
  const { walk: joined, plan, terminal } = during('exec', () => enter(call, { record, spec, program }));
  await explainIfAsked(call, { walk: joined, plan });
  if (detach) return 0;
  if (terminal === undefined) return joined.waitHere();
  return (await import('./relay.ts')).relay(joined, terminal);
}

function checkStatus({ settings, flags }: Call, record: ContainerRecord): void {
  const status = statusOf(settings.root, record);
  if (status === 'stopped') throw conflict('cannot exec in a stopped container');
  if (status === 'paused' && !flags.bool('ignore-paused')) {
    throw conflict('cannot exec in a paused container (use --ignore-paused to override)');
  }
}

interface Join {
  record: ContainerRecord;
  spec: Spec;
  program: SpecProcess;
}

function enter(call: Call, { record, spec, program }: Join): { walk: Walk; plan: Plan; terminal: number | undefined } {
  const { settings, flags } = call;
  const init = record.init!;
  const preserved = preservedFds(flags.number('preserve-fds') ?? 0, program);
  const seccomp = spec.linux?.seccomp ? seccompFilter(spec.linux.seccomp, filterCache(settings)) : undefined;
  const cgroup = record.cgroup === undefined ? undefined : cgroupFor(init.pid, record.cgroup, flags.list('cgroup'));
  const plan = compileJoin(spec, program, {
    pid: init.pid,
    ...(cgroup === undefined ? {} : { cgroup }),
    cgroupsV1: directoriesOf(record.cgroupV1),
    ...(seccomp ? { seccomp } : {}),
    sameUserns: readlinkSync('/proc/self/ns/user') === readlinkSync(`/proc/${init.pid}/ns/user`),
    preserved,
    keptStreams: hostStreams(),
    survives: true,
  });
  const joined = begin(plan, inherited(program, preserved));
  // Only now, because the plan has entered what this number named then.
  if (!isAlive(init)) {
    joined.kill(SIGKILL);
    throw conflict('cannot exec in a stopped container');
  }
  const terminal = joined.received();
  const console = flags.text('console-socket');
  if (terminal !== undefined && console !== undefined) {
    sendTerminal(console, terminal);
    closeSync(terminal);
  }
  const pidfdSocket = flags.text('pidfd-socket');
  if (pidfdSocket !== undefined) sendPidfd(pidfdSocket, joined.pid);
  if (!flags.bool('detach') && (terminal === undefined || console !== undefined)) joined.forwardSignals();
  release({ walk: joined, plan });
  const pidFile = flags.text('pid-file');
  if (pidFile !== undefined) writePid(pidFile, joined.pid);
  return { walk: joined, plan, terminal: console === undefined ? terminal : undefined };
}

const SIGKILL = 9;

function begin(plan: Plan, slots: Record<number, number>): Walk {
  // A user namespace that gave setgroups(2) up has it for nobody. user_namespaces(7)
  const denied = (pid: number) => readFileSync(`/proc/${pid}/setgroups`, 'utf8').startsWith('deny');
  const target = plan.ops.find((op) => op.op === 'pidfd_open')!;
  const ops = denied(target.pid) ? plan.ops.filter(({ op }) => op !== 'setgroups') : plan.ops;
  try {
    return walk({ ops }, { slots });
  } catch (error) {
    throw startError({ ops }, error);
  }
}

/**
 * Where the container's first process is by now, which need not be where it was put: a cgroup that gives controllers to those
 * below it takes no process of its own. `--cgroup` names one below the container's.
 */
function cgroupFor(pid: number, made: string, wanted: string[]): string {
  const path = wanted.map((each) => each.split(':').at(-1)!).at(-1);
  if (path !== undefined) return join(made, cleanPath(path));
  const mount = cgroup2Mount(readFileSync('/proc/self/mountinfo', 'utf8'));
  const own = ownCgroup(readFileSync(`/proc/${pid}/cgroup`, 'utf8'));
  if (mount === undefined || own === undefined) throw internal(`process ${pid} is in no cgroup of the v2 tree`);
  const now = join(mount, own);
  return now === made || now.startsWith(`${made}/`) ? now : made;
}

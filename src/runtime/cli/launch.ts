// What create and run share: a bundle becomes a held process, on record, in its cgroup. In an order in which a crash at any
// instant leaves either nothing that runs or a container that delete can find. runtime-spec runtime.md#lifecycle steps 1 to 7

import { closeSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { invalidArgument, PunnetError } from '../../base/errors.ts';
import type { Spec } from '../../base/oci-runtime.ts';
import type { Plan } from '../../native/ops.ts';
import { startTimeOf } from '../../native/process-identity.ts';
import { walk, type Walk } from '../../native/walk.ts';
import { makeCgroup } from '../cgroup.ts';
import { attachDeviceFilter, missingLimits } from '../cgroup-limits.ts';
import { changeV1, directoriesOf, makeV1, readHierarchies, v1Place } from '../cgroup-v1.ts';
import { compilePlan } from '../compile.ts';
import { inInitialUserns } from '../host-options.ts';
import { openBundle, type Bundle } from './bundle.ts';
import { bundlePlanOptions } from './bundle-plan.ts';
import { cgroupPlace } from './cgroup-place.ts';
import type { Call } from './commands.ts';
import { sendPidfd, sendTerminal } from './console.ts';
import { destroy } from './destroy.ts';
import { hostStreams, inherited, preservedFds } from './preserved.ts';
import { log } from './say.ts';
import { startError } from './start-error.ts';
import { keepConfig, makeFifo, reserve, writeRecord, type ContainerRecord, type Held } from './store.ts';

export interface Launched {
  record: ContainerRecord;
  spec: Spec;
  walk: Walk;
  plan: Plan;
  held: Held;
  /** the terminal's master, where no console socket took it; the caller closes it */
  terminal: number | undefined;
}

export interface Launch {
  /** create: the process waits on a FIFO, for a start by somebody else; run: for our release */
  startedBy: 'fifo' | 'release';
  /** run in the foreground: we relay its terminal */
  foreground: boolean;
}

/**
 * Makes the container; its process is held behind all that can fail, and its record is written.
 * @throws what is wrong with the bundle, or failed; nothing is left then
 */
export function launch({ settings, flags, args: [id = ''] }: Call, { startedBy, foreground }: Launch): Launched {
  const bundle = openBundle(flags.text('bundle'));
  for (const warning of bundle.warnings) log('warning', warning, settings);
  const console = flags.text('console-socket');
  checkTerminal(bundle.spec, console, foreground);
  const preserved = preservedFds(flags.number('preserve-fds') ?? 0, bundle.spec.process!);
  const held = reserve(settings.root, id);
  const record: ContainerRecord = {
    id,
    bundle: bundle.directory,
    rootfs: bundle.rootfs,
    created: new Date().toISOString(),
    owner: process.getuid!(),
  };
  const context: Context = { call: { settings, flags, args: [id] }, bundle, record, preserved };
  try {
    const { walk: walked, plan } = make(context, startedBy);
    const terminal = walked.received();
    if (terminal !== undefined && console !== undefined) sendTerminal(console, terminal);
    if (terminal !== undefined && console !== undefined) closeSync(terminal);
    return {
      record,
      spec: bundle.spec,
      walk: walked,
      plan,
      held,
      terminal: console === undefined ? terminal : undefined,
    };
  } catch (error) {
    destroy(settings, record, bundle.spec);
    held.release();
    throw error;
  }
}

interface Context {
  call: Call;
  bundle: Bundle;
  record: ContainerRecord;
  preserved: number;
}

function make(context: Context, startedBy: Launch['startedBy']): { walk: Walk; plan: Plan } {
  const { call, bundle, record, preserved } = context;
  const { settings, flags } = call;
  const { spec } = bundle;
  keepConfig(settings.root, record.id, bundle.text);
  const cgroup = placeCgroup(context);
  const plan = compilePlan(spec, {
    ...bundlePlanOptions(bundle, settings),
    ...(cgroup === undefined ? {} : { cgroup }),
    cgroupsV1: directoriesOf(record.cgroupV1),
    ...(startedBy === 'fifo' ? { startFifo: makeFifo(settings.root, record.id) } : {}),
    ...(flags.bool('no-new-keyring') ? {} : { keyring: `_ses.${record.id}` }),
    noPivot: flags.bool('no-pivot'),
    hooks: { id: record.id, bundle: record.bundle },
    preserved,
    keptStreams: hostStreams(),
    survives: true,
  });
  const slots = inherited(spec.process!, preserved);
  let walked: Walk;
  try {
    walked = walk(plan, { slots });
  } catch (error) {
    throw startError(plan, error);
  }
  record.init = { pid: walked.pid, startTime: startTimeOf(walked.pid) ?? '' };
  writeRecord(settings.root, record);
  const pidFile = flags.text('pid-file');
  if (pidFile !== undefined) writePid(pidFile, walked.pid);
  const pidfdSocket = flags.text('pidfd-socket');
  if (pidfdSocket !== undefined) sendPidfd(pidfdSocket, walked.pid);
  return { walk: walked, plan };
}

/** Lets the process go: into its program, or to wait for start. @throws what execve failed with, in runc's words */
export function release({ walk: walked, plan }: Pick<Launched, 'walk' | 'plan'>): void {
  try {
    walked.release();
  } catch (error) {
    throw startError(plan, error);
  }
}

/** After the walk: what ran, when `--explain` asks. */
export async function explainIfAsked(
  { flags }: Call,
  { walk: walked, plan }: Pick<Launched, 'walk' | 'plan'>,
): Promise<void> {
  if (flags.bool('explain')) (await import('./explain.ts')).explain(plan, walked);
}

/* On record before it is made, so that a crash leaves none that nobody knows of. */
function placeCgroup({ call: { settings }, bundle: { spec }, record }: Context): string | undefined {
  if (settings.systemdCgroup) {
    throw invalidArgument('systemd cgroup flag passed, but systemd support for managing cgroups is not available', {
      fix: 'leave --systemd-cgroup out, and let cgroupsPath be a path',
    });
  }
  const { tree, name } = cgroupPlace(spec, record.id);
  if (tree.parent !== undefined) record.cgroup = join(tree.parent, name);
  const privileged = !settings.rootless && inInitialUserns(readFileSync('/proc/self/uid_map', 'utf8'));
  const hierarchies = privileged ? readHierarchies() : [];
  record.cgroupV1 = v1Place(hierarchies, spec.linux?.cgroupsPath, record.id);
  writeRecord(settings.root, record);
  const resources = spec.linux?.resources ?? {};
  if (tree.parent === undefined && !settings.rootless) {
    throw new PunnetError('unavailable', `cannot make a cgroup for the container: ${tree.reason}`);
  }
  const directory = makeCgroup(tree, { name, resources });
  record.cgroupV1 = makeV1(hierarchies, record.cgroupV1);
  const missing = [...missingLimits(directory, resources, record.cgroupV1), ...changeV1(record.cgroupV1, resources)];
  for (const limit of missing) log('warning', limit, settings);
  if (directory !== undefined) attachDeviceFilter(directory, resources, !privileged);
  return directory;
}

function checkTerminal({ process: program }: Spec, console: string | undefined, foreground: boolean): void {
  if (program?.terminal && console === undefined && !foreground) {
    throw invalidArgument('cannot allocate tty if runc will detach without setting console socket', {
      fix: '--console-socket PATH, or process.terminal: false',
    });
  }
  if (!program?.terminal && console !== undefined) {
    throw invalidArgument('cannot use console socket if runc will not detach or allocate tty');
  }
}

/* Under another name first, because engines read it as soon as it is there. */
export function writePid(path: string, pid: number): void {
  const temporary = join(dirname(path), `.${basename(path)}`);
  writeFileSync(temporary, String(pid), { mode: 0o644 });
  renameSync(temporary, path);
}

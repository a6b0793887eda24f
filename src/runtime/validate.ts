// A config.json that somebody else wrote, before anything is made of it: its shape, and what its sections mean together. With
// runc's words where engines read them. What a section can be by itself, the compiler of that section says. Pure; runs in
// punnet-runc. runtime-spec config.md, config-linux.md; runc libcontainer/configs/validate

import { invalidArgument, PunnetError } from '../base/errors.ts';
import type { Spec, SpecHooks, SpecLinux, SpecProcess } from '../base/oci-runtime.ts';
import { ALL_CAPABILITIES } from './capabilities.ts';
import { hasOwn, isNew } from './compile/namespaces.ts';
import { parseList } from './cpu-list.ts';
import { specShape } from './validate/spec-shape.ts';

export interface Checked {
  /** without nulls, and without what is warned of */
  spec: Spec;
  /** what is left out although it was asked for, as runc leaves it out */
  warnings: string[];
}

/**
 * The configuration that a text is.
 * @throws invalidArgument, notImplemented: names the field, its value, and why
 */
export function checkSpec(value: unknown): Checked {
  const spec = specShape(value, '') as Spec;
  const warnings: string[] = [];
  checkVersion(spec.ociVersion);
  if (!spec.root?.path) throw invalidArgument('config.json: root.path must be given');
  if (!spec.linux) throw invalidArgument('config.json: linux must be given');
  if (!spec.process) throw invalidArgument('config.json: process must be given');
  checkProcess(spec.process, warnings);
  checkNamespaces(spec, spec.linux);
  checkMounts(spec);
  checkHooks(spec.hooks ?? {});
  checkSeccomp(spec.linux);
  // Nothing here could set it up, and a task that believes itself confined to a part of the cache would not be.
  if (spec.linux.intelRdt) {
    throw new PunnetError(
      'notImplemented',
      'intelRdt is specified in config, but Intel RDT is not supported or enabled',
    );
  }
  return { spec, warnings };
}

function checkVersion(version: string): void {
  if (/^1\.\d+\.\d+/.test(version)) return;
  throw invalidArgument(`config.json: unsupported ociVersion ${JSON.stringify(version)}: this is a runtime of 1.2`);
}

/** Also of the process that `exec` is handed. */
export function checkProcess(process: SpecProcess, warnings: string[]): void {
  process.user ??= { uid: 0, gid: 0 };
  process.user.uid ??= 0;
  process.user.gid ??= 0;
  if (!process.cwd) throw invalidArgument('Cwd property must not be empty');
  if (!process.cwd.startsWith('/')) throw invalidArgument('Cwd must be an absolute path');
  if (!process.args?.length) throw invalidArgument('process args must not be empty');
  for (const [set, names] of Object.entries(process.capabilities ?? {}) as [string, string[]][]) {
    const unknown = names.filter((name) => !ALL_CAPABILITIES.includes(name));
    if (unknown.length === 0) continue;
    warnings.push(`ignoring unknown or unavailable capabilities: [${unknown.join(' ')}]`);
    (process.capabilities as Record<string, string[]>)[set] = names.filter((name) => !unknown.includes(name));
  }
  const types = new Set<string>();
  for (const [index, limit] of (process.rlimits ?? []).entries()) {
    limit.soft ??= 0;
    limit.hard ??= 0;
    if (types.has(limit.type)) throw invalidArgument(`process.rlimits[${index}]: ${limit.type} is given twice`);
    types.add(limit.type);
    const [soft, hard] = [limit.soft, limit.hard].map((value) => (value < 0 ? Infinity : value)) as [number, number];
    if (soft > hard)
      throw invalidArgument(`process.rlimits[${index}]: ${limit.type} has soft ${soft} above hard ${hard}`);
  }
  checkScheduling(process);
}

function checkScheduling({ scheduler, ioPriority, execCPUAffinity }: SpecProcess): void {
  if (scheduler) {
    const { policy, nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 } = scheduler;
    if (!policy) throw invalidArgument('scheduler policy is required');
    if (nice < -20 || nice > 19) throw invalidArgument(`invalid scheduler.nice: ${nice}`);
    if (priority !== 0 && policy !== 'SCHED_FIFO' && policy !== 'SCHED_RR') {
      throw invalidArgument('scheduler.priority can only be specified for SchedFIFO or SchedRR policy');
    }
    if (policy !== 'SCHED_DEADLINE' && (runtime || deadline || period)) {
      throw invalidArgument('scheduler runtime/deadline/period can only be specified for SchedDeadline policy');
    }
  }
  if (ioPriority) {
    const { priority = 0 } = ioPriority;
    if (priority < 0 || priority > 7) throw invalidArgument(`invalid ioPriority.Priority: ${priority}`);
  }
  for (const name of ['initial', 'final'] as const) {
    parseList(execCPUAffinity?.[name] ?? '', { field: `process.execCPUAffinity.${name}`, width: 8 });
  }
}

const TYPES = ['mount', 'pid', 'network', 'uts', 'ipc', 'user', 'cgroup', 'time'];

function checkNamespaces(spec: Spec, linux: SpecLinux): void {
  const seen = new Set<string>();
  for (const { type, path } of linux.namespaces ?? []) {
    if (!TYPES.includes(type)) throw invalidArgument(`namespace ${JSON.stringify(type)} does not exist`);
    if (seen.has(type)) throw invalidArgument(`malformed spec file: duplicated ns ${JSON.stringify(type)}`);
    seen.add(type);
    if (path && !path.startsWith('/')) throw invalidArgument(`namespace path: ${path} not an absolute path`);
  }
  const { uidMappings = [], gidMappings = [] } = linux;
  const mapped = uidMappings.length > 0 || gidMappings.length > 0;
  if (isNew(spec, 'user') && !mapped) {
    throw invalidArgument('user namespaces enabled, but no namespace path to join nor mappings to apply specified');
  }
  if (mapped && !hasOwn(spec, 'user')) {
    throw invalidArgument("user namespace mappings specified, but user namespace isn't enabled in the config");
  }
  for (const [kind, maps] of Object.entries({ uidMappings, gidMappings })) {
    for (const [index, { containerID, hostID, size }] of maps.entries()) {
      if (size > 0 && Math.max(containerID, hostID) + size <= 2 ** 32) continue;
      throw invalidArgument(
        `linux.${kind}[${index}]: ${size} ids from ${containerID} (${hostID} on the host) are no range`,
      );
    }
  }
  if (linux.timeOffsets && Object.keys(linux.timeOffsets).length > 0 && !isNew(spec, 'time')) {
    throw invalidArgument("time namespace offsets specified, but time namespace isn't enabled in the config");
  }
  if ((linux.maskedPaths?.length || linux.readonlyPaths?.length) && !hasOwn(spec, 'mount')) {
    throw invalidArgument('unable to restrict sys entries without a private MNT namespace');
  }
}

function checkMounts({ mounts = [] }: Spec): void {
  for (const [index, { destination, uidMappings = [], gidMappings = [] }] of mounts.entries()) {
    if (destination === '') throw invalidArgument(`mounts[${index}].destination must not be empty`);
    if (uidMappings.length > 0 !== gidMappings.length > 0) {
      throw invalidArgument(`mounts[${index}]: id mappings of ${destination} need both uidMappings and gidMappings`);
    }
  }
}

function checkHooks(hooks: SpecHooks): void {
  for (const [kind, list] of Object.entries(hooks) as [string, NonNullable<SpecHooks['poststop']>][]) {
    for (const [index, { path, timeout, env = [] }] of list.entries()) {
      const name = `hooks.${kind}[${index}]`;
      if (!path.startsWith('/')) throw invalidArgument(`${name}: path ${path} is not absolute`);
      if (timeout !== undefined && timeout <= 0) {
        throw invalidArgument(`${name}: timeout must be a whole number of seconds above zero: ${timeout}`);
      }
      const bad = env.find((entry) => entry.indexOf('=') < 1);
      if (bad !== undefined) throw invalidArgument(`${name}: env ${JSON.stringify(bad)} is no NAME=VALUE`);
    }
  }
}

/** What seccomp may do. */
export const SECCOMP_ACTIONS: readonly string[] = [
  'KILL',
  'KILL_PROCESS',
  'KILL_THREAD',
  'TRAP',
  'ERRNO',
  'TRACE',
  'ALLOW',
  'LOG',
  'NOTIFY',
].map((name) => `SCMP_ACT_${name}`);
/** How it may compare an argument. */
export const SECCOMP_OPERATORS: readonly string[] = ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'].map(
  (name) => `SCMP_CMP_${name}`,
);

function checkSeccomp({ seccomp }: SpecLinux): void {
  if (!seccomp) return;
  const action = (name: string) => {
    if (!SECCOMP_ACTIONS.includes(name)) throw invalidArgument(`string ${name} is not a valid action for seccomp`);
  };
  action(seccomp.defaultAction);
  if (seccomp.defaultAction === 'SCMP_ACT_NOTIFY') {
    throw invalidArgument('SCMP_ACT_NOTIFY cannot be used as default action');
  }
  for (const rule of seccomp.syscalls ?? []) {
    action(rule.action);
    if (rule.action === 'SCMP_ACT_NOTIFY' && rule.names.includes('write')) {
      throw invalidArgument('SCMP_ACT_NOTIFY cannot be used for the write syscall');
    }
    for (const { op } of rule.args ?? []) {
      if (!SECCOMP_OPERATORS.includes(op)) {
        throw invalidArgument(`string ${op} is not a valid operator for seccomp`);
      }
    }
  }
}

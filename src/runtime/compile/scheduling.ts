// How the container's process is scheduled: processor, disk and memory. Child only, while it has its capabilities.
// sched(7), sched_setattr(2), ioprio_set(2), set_mempolicy(2), runtime-spec config.md#linux-process

import { invalidArgument } from '../../base/errors.ts';
import type { SpecLinux, SpecProcess, SpecScheduler } from '../../base/oci-runtime.ts';
import type { Op } from '../../native/ops.ts';
import { parseList } from '../cpu-list.ts';

/** linux/sched.h */
export const POLICIES: Readonly<Record<string, number>> = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
};
export const SCHEDULER_FLAGS: Readonly<Record<string, number>> = {
  SCHED_FLAG_RESET_ON_FORK: 0x1,
  SCHED_FLAG_RECLAIM: 0x2,
  SCHED_FLAG_DL_OVERRUN: 0x4,
  SCHED_FLAG_KEEP_POLICY: 0x8,
  SCHED_FLAG_KEEP_PARAMS: 0x10,
  SCHED_FLAG_UTIL_CLAMP_MIN: 0x20,
  SCHED_FLAG_UTIL_CLAMP_MAX: 0x40,
};

/** linux/ioprio.h */
export const IO_CLASSES: Readonly<Record<string, number>> = {
  IOPRIO_CLASS_RT: 1,
  IOPRIO_CLASS_BE: 2,
  IOPRIO_CLASS_IDLE: 3,
};
const CLASS_SHIFT = 13;

/** linux/mempolicy.h */
export const MEMORY_MODES: Readonly<Record<string, number>> = {
  MPOL_DEFAULT: 0,
  MPOL_PREFERRED: 1,
  MPOL_BIND: 2,
  MPOL_INTERLEAVE: 3,
  MPOL_LOCAL: 4,
  MPOL_PREFERRED_MANY: 5,
  MPOL_WEIGHTED_INTERLEAVE: 6,
};
export const MEMORY_FLAGS: Readonly<Record<string, number>> = {
  MPOL_F_NUMA_BALANCING: 1 << 13,
  MPOL_F_RELATIVE_NODES: 1 << 14,
  MPOL_F_STATIC_NODES: 1 << 15,
};

/** @throws invalidArgument for a name that is none; what values can be is checked in validate.ts */
export function schedulingOps(process: SpecProcess, { memoryPolicy }: Pick<SpecLinux, 'memoryPolicy'>): Op[] {
  const ops: Op[] = [];
  if (process.scheduler) ops.push(scheduler(process.scheduler));
  if (process.ioPriority) {
    const { class: name, priority = 0 } = process.ioPriority;
    const value = known(IO_CLASSES, name, 'process.ioPriority.class');
    ops.push({ who: 'child', op: 'ioprio_set', ioprio: (value << CLASS_SHIFT) | priority });
  }
  if (memoryPolicy) {
    const mode = known(MEMORY_MODES, memoryPolicy.mode, 'linux.memoryPolicy.mode');
    const flags = sum(MEMORY_FLAGS, memoryPolicy.flags, 'linux.memoryPolicy.flags');
    const nodes = parseList(memoryPolicy.nodes ?? '', { field: 'linux.memoryPolicy.nodes', width: 8 });
    ops.push({ who: 'child', op: 'set_mempolicy', mode: mode | flags, nodes });
  }
  return ops;
}

function scheduler({
  policy,
  nice = 0,
  priority = 0,
  flags,
  runtime = 0,
  deadline = 0,
  period = 0,
}: SpecScheduler): Op {
  return {
    who: 'child',
    op: 'sched_setattr',
    policy: known(POLICIES, policy, 'process.scheduler.policy'),
    flags: sum(SCHEDULER_FLAGS, flags, 'process.scheduler.flags'),
    nice,
    priority,
    runtime,
    deadline,
    period,
  };
}

function sum(table: Readonly<Record<string, number>>, names: readonly string[] = [], field: string): number {
  return names.reduce((flags, name) => flags | known(table, name, field), 0);
}

function known(table: Readonly<Record<string, number>>, name: string, field: string): number {
  const value = Object.hasOwn(table, name) ? table[name] : undefined;
  if (value !== undefined) return value;
  throw invalidArgument(`${field}: ${JSON.stringify(name)} is none of ${Object.keys(table).join(', ')}`);
}

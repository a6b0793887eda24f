// punnet update: other limits and another restart policy. docker/cli: cli/command/container/update.go.

import type { UpdateBody } from '../../api/types.ts';
import { parseBytes } from '../../base/byte-size.ts';
import type { Context } from '../context.ts';
import { exitWithAll } from '../exit.ts';
import type { Flag } from '../flag.ts';
import * as resource from '../option/resource.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  {
    name: 'blkio-weight',
    type: 'uint16',
    help: 'Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)',
  },
  { name: 'cpu-period', type: 'int', help: 'Limit CPU CFS (Completely Fair Scheduler) period' },
  { name: 'cpu-quota', type: 'int', help: 'Limit CPU CFS (Completely Fair Scheduler) quota' },
  { name: 'cpu-rt-period', type: 'int', help: 'Limit the CPU real-time period in microseconds' },
  { name: 'cpu-rt-runtime', type: 'int', help: 'Limit the CPU real-time runtime in microseconds' },
  { name: 'cpu-shares', short: 'c', type: 'int', help: 'CPU shares (relative weight)' },
  { name: 'cpus', type: 'decimal', help: 'Number of CPUs', read: resource.readCpus },
  { name: 'cpuset-cpus', type: 'string', help: 'CPUs in which to allow execution (0-3, 0,1)' },
  { name: 'cpuset-mems', type: 'string', help: 'MEMs in which to allow execution (0-3, 0,1)' },
  { name: 'memory', short: 'm', type: 'bytes', help: 'Memory limit', read: parseBytes },
  { name: 'memory-reservation', type: 'bytes', help: 'Memory soft limit', read: parseBytes },
  {
    name: 'memory-swap',
    type: 'bytes',
    help: "Swap limit equal to memory plus swap: '-1' to enable unlimited swap",
    read: resource.readSwap,
  },
  { name: 'pids-limit', type: 'int', help: 'Tune container pids limit (set -1 for unlimited)' },
  { name: 'restart', type: 'string', help: 'Restart policy to apply when a container exits' },
];

export const examples = ['punnet update -m 128m --cpus 0.5 web', 'punnet update --restart unless-stopped web'];

export const run: Run = async (context, { flags: given, positional }) => {
  if (!flags.some(({ name }) => given.changed(name))) {
    throw new Error('you must provide one or more flags when using this command');
  }
  const body: UpdateBody = {
    BlkioWeight: given.number('blkio-weight'),
    CpuShares: given.number('cpu-shares'),
    CpuPeriod: given.number('cpu-period'),
    CpuQuota: given.number('cpu-quota'),
    CpuRealtimePeriod: given.number('cpu-rt-period'),
    CpuRealtimeRuntime: given.number('cpu-rt-runtime'),
    CpusetCpus: given.text('cpuset-cpus'),
    CpusetMems: given.text('cpuset-mems'),
    Memory: given.number('memory'),
    MemoryReservation: given.number('memory-reservation'),
    MemorySwap: given.number('memory-swap'),
    NanoCpus: given.number('cpus'),
    ...(given.changed('pids-limit') && { PidsLimit: given.number('pids-limit') }),
    RestartPolicy: resource.readRestart(given.text('restart')),
  };
  await updateAll(context, positional, body);
};

async function updateAll(context: Context, names: string[], body: UpdateBody): Promise<void> {
  const warnings: string[] = [];
  const errors: unknown[] = [];
  for (const name of names) {
    try {
      const answer = await context.client.call<{ Warnings?: string[] | null }>('POST', `/containers/${name}/update`, {
        body,
      });
      context.out.line(name);
      warnings.push(...(answer.Warnings ?? []));
    } catch (error) {
      errors.push(error);
    }
  }
  if (warnings.length > 0) context.out.write(warnings.join('\n'));
  exitWithAll(errors);
}

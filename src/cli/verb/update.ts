// punnet update: other limits and another restart policy. docker/cli: cli/command/container/update.go.

import type { UpdateBody } from '../../api/types.ts';
import type { Context } from '../context.ts';
import { exitWithAll } from '../exit.ts';
import type { Flag } from '../flag.ts';
import * as resource from '../option/resource.ts';
import type { Run } from '../verb.ts';
import { containerFlags } from './run.flags.ts';

/** Limits that `run` has in the same words. */
const AS_RUN = new Set([
  ...['blkio-weight', 'cpu-period', 'cpu-quota', 'cpu-shares', 'cpus', 'cpuset-cpus', 'cpuset-mems'],
  ...['memory', 'memory-reservation', 'memory-swap', 'pids-limit'],
]);

const OWN: Flag[] = [
  { name: 'cpu-rt-period', type: 'int', help: 'Limit the CPU real-time period in microseconds' },
  { name: 'cpu-rt-runtime', type: 'int', help: 'Limit the CPU real-time runtime in microseconds' },
  { name: 'restart', type: 'string', help: 'Restart policy to apply when a container exits' },
];

export const flags = [...containerFlags.filter(({ name }) => AS_RUN.has(name)), ...OWN].sort((a, b) =>
  a.name < b.name ? -1 : 1,
);

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

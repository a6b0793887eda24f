// What the controllers of cgroup v1 have counted, in the shape of runc's `events`. kernel Documentation/admin-guide/cgroup-v1

import { join } from 'node:path';
import type { V1Cgroup } from '../cgroup-v1.ts';
import { keyed, number, text } from './cgroup-file.ts';

/** USER_HZ is 100 on every architecture that Node runs on. */
const NS_PER_TICK = 1e7;

/** Only the parts whose controllers are there. */
export function statsV1({ cpu, cpuacct, memory, pids, blkio }: V1Cgroup): object {
  return {
    ...(cpuacct === undefined ? {} : { cpu: { usage: usage(cpuacct), throttling: throttling(cpu) } }),
    ...(memory === undefined ? {} : { memory: memoryOf(memory) }),
    ...(pids === undefined
      ? {}
      : { pids: { current: number(join(pids, 'pids.current')), limit: number(join(pids, 'pids.max')) } }),
    ...(blkio === undefined ? {} : { blkio: blkioOf(blkio) }),
  };
}

/** How many processes the kernel killed for want of memory; undefined where the memory controller is not in v1. */
export function oomKillsV1({ memory }: V1Cgroup): number | undefined {
  return memory === undefined ? undefined : (keyed(join(memory, 'memory.oom_control')).oom_kill ?? 0);
}

function usage(cpuacct: string): object {
  const { user = 0, system = 0 } = keyed(join(cpuacct, 'cpuacct.stat'));
  const percpu = text(join(cpuacct, 'cpuacct.usage_percpu')).trim().split(' ').map(Number);
  const total = number(join(cpuacct, 'cpuacct.usage')) ?? 0;
  return { total, percpu, kernel: system * NS_PER_TICK, user: user * NS_PER_TICK };
}

function throttling(cpu: string | undefined): object {
  const stat = cpu === undefined ? {} : keyed(join(cpu, 'cpu.stat'));
  return { periods: stat.nr_periods, throttledPeriods: stat.nr_throttled, throttledTime: stat.throttled_time };
}

function memoryOf(directory: string): object {
  const entry = (prefix: string) => {
    const of = (name: string) => number(join(directory, `${prefix}.${name}`)) ?? 0;
    return {
      limit: of('limit_in_bytes'),
      usage: of('usage_in_bytes'),
      max: of('max_usage_in_bytes'),
      failcnt: of('failcnt'),
    };
  };
  const raw = keyed(join(directory, 'memory.stat'));
  return {
    cache: raw.cache ?? 0,
    usage: entry('memory'),
    swap: entry('memory.memsw'),
    kernel: entry('memory.kmem'),
    raw,
  };
}

/* `8:0 Read 4096` */
function blkioOf(directory: string): object {
  const entries = (file: string) =>
    text(join(directory, `blkio.throttle.${file}_recursive`))
      .split('\n')
      .flatMap((line) => {
        const [, major, minor, op, value] = /^(\d+):(\d+) (\w+) (\d+)$/.exec(line) ?? [];
        return major === undefined ? [] : [{ major: Number(major), minor: Number(minor), op, value: Number(value) }];
      });
  return { ioServiceBytesRecursive: entries('io_service_bytes'), ioServicedRecursive: entries('io_serviced') };
}

// `stats`: one sample of what a container uses. Counters of its cgroup; where it has none, sums over its processes, which is what
// there is to know. Runs in the daemon. cgroup-v2.rst, proc(5); moby: daemon/stats, daemon/stats_unix.go.

import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { nowNanoseconds, rfc3339 } from '../clock.ts';
import type { Container } from './container.ts';
import { processesOfContainer } from './processes.ts';
import { NEVER } from './record.ts';
import type { Room } from './room.ts';

const TICKS_PER_SECOND = 100;
const NANOSECONDS_PER_TICK = 1e9 / TICKS_PER_SECOND;
const PAGE = 4096;

export interface CpuStats {
  cpu_usage: { total_usage: number; usage_in_kernelmode: number; usage_in_usermode: number };
  system_cpu_usage?: number;
  online_cpus?: number;
  throttling_data: { periods: number; throttled_periods: number; throttled_time: number };
}

export interface Stats {
  name: string;
  id: string;
  read: string;
  preread: string;
  pids_stats: { current?: number; limit?: number };
  blkio_stats: Record<string, BlockIo[] | null>;
  num_procs: 0;
  storage_stats: object;
  cpu_stats: CpuStats;
  precpu_stats: CpuStats;
  memory_stats: { usage?: number; stats?: Record<string, number>; limit?: number };
  networks?: Record<string, Record<string, number>>;
}

interface BlockIo {
  major: number;
  minor: number;
  op: 'read' | 'write';
  value: number;
}

/** What a container that does not run uses: nothing. */
export function noStats(container: Container): Stats {
  return {
    name: `/${container.name}`,
    id: container.id,
    read: NEVER,
    preread: NEVER,
    pids_stats: {},
    blkio_stats: blockIo(null),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: noCpu(),
    precpu_stats: noCpu(),
    memory_stats: {},
  };
}

/** One sample; `before` is the one that differences are taken to. */
export function sample(room: Room, container: Container, before: Stats | undefined): Stats {
  const empty = noStats(container);
  if (!container.running || container.state.pid === 0) return empty;
  const read = (file: string) => room.groups.read(container.id, file);
  const pids = processesOfContainer(room, container);
  const networks = networksOf(container);
  return {
    ...empty,
    read: rfc3339(nowNanoseconds()),
    preread: before?.read ?? NEVER,
    pids_stats: pidsStats(read, pids),
    blkio_stats: blockIo(blockIoOf(read('io.stat'))),
    cpu_stats: { ...cpuOf(read('cpu.stat'), pids), ...systemCpu() },
    precpu_stats: before?.cpu_stats ?? noCpu(),
    memory_stats: memoryOf(read, pids),
    ...(networks && { networks }),
  };
}

function noCpu(): CpuStats {
  return {
    cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
    throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
  };
}

type Read = (file: string) => string | undefined;

function pidsStats(read: Read, pids: number[]): Stats['pids_stats'] {
  const current = read('pids.current');
  const max = read('pids.max')?.trim();
  // Docker writes "no limit" as the largest number that there is.
  return {
    current: current === undefined ? sum(pids, threadsOf) : Number(current),
    ...(max === undefined ? {} : { limit: max === 'max' ? 2 ** 64 : Number(max) }),
  };
}

function cpuOf(text: string | undefined, pids: number[]): Omit<CpuStats, 'system_cpu_usage' | 'online_cpus'> {
  const values = keyed(text ?? '');
  if (values.usage_usec === undefined) {
    const times = pids.map(timesOf);
    const user = sum(times, ([ticks]) => ticks * NANOSECONDS_PER_TICK);
    const kernel = sum(times, ([, ticks]) => ticks * NANOSECONDS_PER_TICK);
    const usage = { total_usage: user + kernel, usage_in_kernelmode: kernel, usage_in_usermode: user };
    return { ...noCpu(), cpu_usage: usage };
  }
  return {
    cpu_usage: {
      total_usage: values.usage_usec * 1000,
      usage_in_kernelmode: (values.system_usec ?? 0) * 1000,
      usage_in_usermode: (values.user_usec ?? 0) * 1000,
    },
    throttling_data: {
      periods: values.nr_periods ?? 0,
      throttled_periods: values.nr_throttled ?? 0,
      throttled_time: (values.throttled_usec ?? 0) * 1000,
    },
  };
}

/** Of the whole host: the first seven times, as Docker adds them. */
function systemCpu(): { system_cpu_usage: number; online_cpus: number } {
  const lines = readFileSync('/proc/stat', 'utf8').split('\n');
  const ticks = lines[0]!.split(/\s+/).slice(1, 8).map(Number);
  return {
    system_cpu_usage: sum(ticks, (each) => each) * NANOSECONDS_PER_TICK,
    online_cpus: lines.filter((line) => /^cpu\d/.test(line)).length,
  };
}

function memoryOf(read: Read, pids: number[]): Stats['memory_stats'] {
  const usage = read('memory.current');
  if (usage === undefined) return { usage: sum(pids, residentOf), stats: {}, limit: totalmem() };
  const max = read('memory.max')?.trim() ?? 'max';
  return {
    usage: Number(usage),
    stats: keyed(read('memory.stat') ?? ''),
    limit: max === 'max' ? totalmem() : Math.min(Number(max), totalmem()),
  };
}

function blockIo(entries: BlockIo[] | null): Record<string, BlockIo[] | null> {
  return {
    io_service_bytes_recursive: entries,
    io_serviced_recursive: null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  };
}

/** `8:0 rbytes=1 wbytes=2 …` */
function blockIoOf(text: string | undefined): BlockIo[] | null {
  const entries = (text ?? '').split('\n').flatMap((line): BlockIo[] => {
    const [, major, minor, rest = ''] = /^(\d+):(\d+) (.*)$/.exec(line) ?? [];
    if (major === undefined) return [];
    const value = (name: string) => Number(new RegExp(`\\b${name}=(\\d+)`).exec(rest)?.[1] ?? 0);
    const device = { major: Number(major), minor: Number(minor) };
    return [
      { ...device, op: 'read', value: value('rbytes') },
      { ...device, op: 'write', value: value('wbytes') },
    ];
  });
  return entries.length > 0 ? entries : null;
}

/** Counters of the container's interfaces but lo; undefined where it has the host's network. */
function networksOf(container: Container): Stats['networks'] | undefined {
  if (container.record.hostConfig.NetworkMode === 'host') return undefined;
  const lines = (attempt(() => readFileSync(`/proc/${container.state.pid}/net/dev`, 'utf8')) ?? '')
    .split('\n')
    .slice(2);
  const all = lines.flatMap((line) => {
    const [, name, rest = ''] = /^\s*([^:]+):(.*)$/.exec(line) ?? [];
    if (name === undefined || name === 'lo') return [];
    const n = rest.trim().split(/\s+/).map(Number);
    const counters = {
      ...{ rx_bytes: n[0]!, rx_packets: n[1]!, rx_errors: n[2]!, rx_dropped: n[3]! },
      ...{ tx_bytes: n[8]!, tx_packets: n[9]!, tx_errors: n[10]!, tx_dropped: n[11]! },
    };
    return [[name, counters] as const];
  });
  return all.length > 0 ? Object.fromEntries(all) : undefined;
}

/** `name value` lines. */
function keyed(text: string): Record<string, number> {
  return Object.fromEntries([...text.matchAll(/^(\S+) (\d+)$/gm)].map(([, name, value]) => [name, Number(value)]));
}

/** utime and stime with those of ended children, in ticks. */
function timesOf(pid: number): [user: number, kernel: number] {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (stat === undefined) return [0, 0];
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return [fields[11]! + fields[13]!, fields[12]! + fields[14]!];
}

function residentOf(pid: number): number {
  return Number(attempt(() => readFileSync(`/proc/${pid}/statm`, 'utf8'))?.split(' ')[1] ?? 0) * PAGE;
}

function threadsOf(pid: number): number {
  return Number(/^Threads:\s+(\d+)/m.exec(attempt(() => readFileSync(`/proc/${pid}/status`, 'utf8')) ?? '')?.[1] ?? 0);
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

/** A process may end between its listing and a look at it. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

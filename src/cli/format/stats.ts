// A sample of GET /containers/{id}/stats with the fields that `stats --format` knows. Pure; runs in the CLI.
// docker/cli: cli/command/container/stats_helpers.go, formatter_stats.go.

import { bytesSize, humanSize } from './size.ts';
import { Struct } from './template.ts';
import { shortId } from './text.ts';

export interface StatsSample {
  id: string;
  name: string;
  pids_stats?: { current?: number };
  cpu_stats: CpuSample;
  precpu_stats: CpuSample;
  memory_stats: { usage?: number; limit?: number; stats?: Record<string, number> };
  blkio_stats: { io_service_bytes_recursive?: { op: string; value: number }[] | null };
  networks?: Record<string, { rx_bytes: number; tx_bytes: number }>;
}

interface CpuSample {
  cpu_usage: { total_usage: number };
  system_cpu_usage?: number;
  online_cpus?: number;
}

export const statsHeaders: Record<string, string> = {
  Container: 'CONTAINER',
  Name: 'NAME',
  ID: 'CONTAINER ID',
  CPUPerc: 'CPU %',
  MemUsage: 'MEM USAGE / LIMIT',
  MemPerc: 'MEM %',
  NetIO: 'NET I/O',
  BlockIO: 'BLOCK I/O',
  PIDs: 'PIDS',
};

/** `sample` undefined: nothing is known yet, or any more. */
export function statsRow(
  container: string,
  sample: StatsSample | undefined,
  { truncate }: { truncate: boolean },
): Struct {
  const unknown = '--';
  const value = (of: (sample: StatsSample) => string) => () => (sample === undefined ? unknown : of(sample));
  const pair = (one: string, other: string) => `${one} / ${other}`;
  return new Struct('container.statsContext', {
    Container: () => container,
    Name: () => sample?.name.replace(/^\//, '') || unknown,
    ID: () => (sample === undefined ? unknown : truncate ? shortId(sample.id) : sample.id),
    CPUPerc: value((s) => percent(cpuShare(s))),
    MemUsage: () => {
      if (sample === undefined) return pair(unknown, unknown);
      return pair(bytesSize(memoryUsed(sample)), bytesSize(sample.memory_stats.limit ?? 0));
    },
    MemPerc: value((s) => percent(s.memory_stats.limit ? (memoryUsed(s) / s.memory_stats.limit) * 100 : 0)),
    NetIO: value((s) => {
      const all = Object.values(s.networks ?? {});
      return pair(
        humanSize(
          sum(all, (n) => n.rx_bytes),
          3,
        ),
        humanSize(
          sum(all, (n) => n.tx_bytes),
          3,
        ),
      );
    }),
    BlockIO: value((s) => {
      const bytes = (op: string) =>
        sum(s.blkio_stats.io_service_bytes_recursive ?? [], (entry) =>
          entry.op.toLowerCase() === op ? entry.value : 0,
        );
      return pair(humanSize(bytes('read'), 3), humanSize(bytes('write'), 3));
    }),
    PIDs: value((s) => String(s.pids_stats?.current ?? 0)),
  });
}

/** Percent of one processor, between the two samples that the daemon compares. */
function cpuShare({ cpu_stats: now, precpu_stats: before }: StatsSample): number {
  const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const passed = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  return used > 0 && passed > 0 ? (used / passed) * (now.online_cpus ?? 1) * 100 : 0;
}

/** Without what the kernel gives back at once: cached files that nobody uses. */
function memoryUsed({ memory_stats: { usage = 0, stats = {} } }: StatsSample): number {
  const cached = stats.total_inactive_file ?? stats.inactive_file ?? 0;
  return cached < usage ? usage - cached : usage;
}

const percent = (value: number) => `${value.toFixed(2)}%`;

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

// punnet-runc events: statistics of the container's cgroup, once or again and again, and its out-of-memory kills. The shape is
// runc's, which engines parse. cgroup-v2.rst

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { conflict, invalidArgument } from '../../base/errors.ts';
import { keyed, number, text } from './cgroup-file.ts';
import type { Call } from './commands.ts';
import { oomKillsV1, statsV1 } from './stats-v1.ts';
import { say } from './say.ts';
import { statusOf } from './status.ts';
import { mustRead } from './store.ts';

/** How soon an out-of-memory kill is told: the kernel's event is a file that changes. */
const LOOK_MS = 250;

export async function events({ settings, flags, args: [id = ''] }: Call): Promise<number> {
  const interval = duration(flags.text('interval') ?? '5s');
  const record = mustRead(settings.root, id);
  const runs = () => statusOf(settings.root, record) !== 'stopped';
  if (!runs()) throw conflict(`container with id ${id} is not running`);
  const { cgroup, cgroupV1 = {} } = record;
  if (cgroup === undefined) throw conflict('the container has no cgroup, so nothing is counted');
  const tell = (type: string, data?: object) => say(1, `${JSON.stringify({ type, id, ...(data ? { data } : {}) })}\n`);
  const count = () => ({ ...stats(cgroup), ...statsV1(cgroupV1) });
  const oomKills = () => oomKillsV1(cgroupV1) ?? keyed(join(cgroup, 'memory.events')).oom_kill ?? 0;
  if (flags.bool('stats')) {
    tell('stats', count());
    return 0;
  }
  let killed = oomKills();
  for (let next = Date.now(); runs(); await pause(LOOK_MS)) {
    const now = oomKills();
    if (now > killed) tell('oom');
    killed = now;
    if (Date.now() < next) continue;
    next += interval;
    tell('stats', count());
  }
  return 0;
}

/** Go's `1m30s`, in milliseconds. @throws invalidArgument */
function duration(text: string): number {
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const ms = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * units[unit!]!, 0);
  if (parts.map(([part]) => part).join('') !== text) throw invalidArgument(`invalid duration ${JSON.stringify(text)}`);
  if (!(ms > 0)) throw invalidArgument('duration interval must be greater than 0');
  return ms;
}

/** What a controller that is not there would count is left out, or zero where runc's shape has no other way. */
function stats(cgroup: string): object {
  const file = (name: string) => join(cgroup, name);
  const cpu = keyed(file('cpu.stat'));
  const ns = (microseconds = 0) => microseconds * 1000;
  return {
    cpu: {
      usage: { total: ns(cpu.usage_usec), kernel: ns(cpu.system_usec), user: ns(cpu.user_usec) },
      throttling: {
        periods: cpu.nr_periods,
        throttledPeriods: cpu.nr_throttled,
        throttledTime: ns(cpu.throttled_usec),
      },
    },
    cpuset: {},
    memory: memory(cgroup),
    pids: { current: number(file('pids.current')), limit: number(file('pids.max')) },
    blkio: blkio(file('io.stat')),
    hugetlb: hugetlb(cgroup),
    intel_rdt: {},
    network_interfaces: null,
  };
}

function memory(cgroup: string): object {
  const entry = (prefix: string) => ({
    limit: number(join(cgroup, `${prefix}.max`)) ?? Number.MAX_SAFE_INTEGER,
    usage: number(join(cgroup, `${prefix}.current`)) ?? 0,
    max: number(join(cgroup, `${prefix}.peak`)) ?? 0,
    failcnt: keyed(join(cgroup, `${prefix}.events`)).max ?? 0,
  });
  const raw = keyed(join(cgroup, 'memory.stat'));
  return { cache: raw.file ?? 0, usage: entry('memory'), swap: entry('memory.swap'), raw };
}

/* `8:0 rbytes=4096 wbytes=0 rios=1 …` */
function blkio(path: string): object {
  const entries = text(path)
    .split('\n')
    .flatMap((line) => {
      const [device = '', ...pairs] = line.split(' ');
      const [major, minor] = device.split(':').map(Number);
      return pairs.map((pair) => ({ major, minor, key: pair.split('=')[0]!, value: Number(pair.split('=')[1]) }));
    });
  const pick = (names: Record<string, string>) =>
    entries.flatMap(({ key, ...entry }) => (names[key] ? [{ ...entry, op: names[key] }] : []));
  return {
    ioServiceBytesRecursive: pick({ rbytes: 'Read', wbytes: 'Write' }),
    ioServicedRecursive: pick({ rios: 'Read', wios: 'Write' }),
  };
}

function hugetlb(cgroup: string): Record<string, object> {
  const sizes = existsSync(cgroup)
    ? readdirSync(cgroup).flatMap((name) => /^hugetlb\.(\w+)\.current$/.exec(name)?.[1] ?? [])
    : [];
  return Object.fromEntries(
    sizes.map((size) => {
      const file = (name: string) => join(cgroup, `hugetlb.${size}.${name}`);
      return [size, { usage: number(file('current')) ?? 0, failcnt: keyed(file('events')).max ?? 0 }];
    }),
  );
}

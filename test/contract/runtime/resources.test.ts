// spec.linux.resources, update and events: what the kernel has of the limits by then, wherever this host keeps its controllers.
// runtime-spec config-linux.md#control-groups

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { SpecResources } from '../../../src/base/oci-runtime.ts';
import { NO_ROOT, unless } from '../unless.ts';
import { everyRuntime } from './runtime.ts';

/* v1's file and v2's, and how v2 spells a value of v1's. */
const FILES = {
  memory: ['memory', 'memory.limit_in_bytes', 'memory.max'],
  quota: ['cpu', 'cpu.cfs_quota_us', 'cpu.max'],
  cpus: ['cpuset', 'cpuset.cpus', 'cpuset.cpus'],
  pids: ['pids', 'pids.max', 'pids.max'],
} as const;

/** The host's directory of a process's cgroup that has this controller, or undefined. */
function fileOf(pid: number, [controller, v1, v2]: (typeof FILES)[keyof typeof FILES]): string | undefined {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  const path = (pattern: RegExp) => lines.flatMap((line) => pattern.exec(line)?.[1] ?? [])[0];
  const old = path(new RegExp(`^\\d+:(?:.*,)?${controller}(?:,.*)?:(/.*)$`));
  const file =
    old === undefined
      ? join('/sys/fs/cgroup', path(/^0::(\/.*)$/) ?? '', v2)
      : join('/sys/fs/cgroup', controller, old, v1);
  return existsSync(file) ? file : undefined;
}

function has(kind: keyof typeof FILES): boolean {
  const [controller] = FILES[kind];
  const unified = '/sys/fs/cgroup/cgroup.controllers';
  if (!existsSync(unified)) return existsSync(join('/sys/fs/cgroup', controller));
  return readFileSync(unified, 'utf8').trim().split(' ').includes(controller);
}

everyRuntime('resources', (runtime, _, who) => {
  const limited = async (resources: SpecResources) => {
    const container = await runtime().start('exec sleep 1000', ({ linux }) => void (linux!.resources = resources));
    return { ...container, pid: (await runtime().state(container.id)).pid };
  };
  const value = (pid: number, kind: keyof typeof FILES) => readFileSync(fileOf(pid, FILES[kind])!, 'utf8').trim();
  const claim = (kind: keyof typeof FILES) =>
    unless(who === 'user' || !has(kind), who === 'user' ? NO_ROOT : `this host has no ${kind} limit`);

  claim('memory')('a memory limit is the kernel’s, for a process of exec too', async () => {
    const { id, pid } = await limited({ memory: { limit: 64 << 20 } });
    expect(value(pid, 'memory')).toBe(String(64 << 20));
    const exec = await runtime().must('exec', id, 'cat', '/proc/self/cgroup');
    expect(exec.trim()).toBe(readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim());
  });

  claim('quota')('a share of processor time', async () => {
    const { pid } = await limited({ cpu: { quota: 50_000, period: 100_000, shares: 512 } });
    expect(value(pid, 'quota')).toMatch(/^50000( 100000)?$/);
  });

  claim('cpus')('processors by number', async () => {
    const { pid } = await limited({ cpu: { cpus: '0' } });
    expect(value(pid, 'cpus')).toBe('0');
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Cpus_allowed_list:\t0$/m);
  });

  claim('pids')('a number of processes, beyond which fork fails', async () => {
    const script = 'for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; wait';
    const ran = await runtime().run(script, ({ linux }) => void (linux!.resources = { pids: { limit: 4 } }));
    expect(ran.stderr).toContain("can't fork");
  });

  claim('memory')('a process that takes more memory than it may is killed', async () => {
    const script = 'x=x; while :; do x=$x$x; done';
    const { code } = await runtime().run(script, ({ linux }) => {
      linux!.resources = { memory: { limit: 16 << 20, swap: 16 << 20 } };
    });
    expect(code).toBe(137);
  });

  claim('memory')('update raises and lowers memory with and without swap, in whatever order that takes', async () => {
    const { id, pid } = await limited({ memory: { limit: 64 << 20, swap: 64 << 20 } });
    for (const megabytes of [256, 32, 128]) {
      const bytes = String(megabytes << 20);
      await runtime().must('update', '--memory', bytes, '--memory-swap', bytes, id);
      expect(value(pid, 'memory')).toBe(bytes);
    }
  });

  claim('pids')('update changes what it is told alone', async () => {
    const { id, pid } = await limited({ pids: { limit: 50 }, memory: { limit: 64 << 20 } });
    await runtime().must('update', '--pids-limit', '20', id);
    expect(value(pid, 'pids')).toBe('20');
    if (has('memory')) expect(value(pid, 'memory')).toBe(String(64 << 20));
  });

  claim('memory')('events --stats counts memory against its limit, processor time and processes', async () => {
    const { id } = await limited({ memory: { limit: 64 << 20 }, pids: { limit: 50 } });
    const { type, data } = JSON.parse(await runtime().must('events', '--stats', id)) as { type: string; data: Stats };
    expect(type).toBe('stats');
    expect(data.memory.usage.limit).toBe(64 << 20);
    expect(data.memory.usage.usage).toBeGreaterThan(0);
    expect(data.cpu.usage.total).toBeGreaterThan(0);
    expect(data.pids.current).toBe(1);
  });

  claim('pids')('delete removes its cgroups', async () => {
    const { id, pid } = await limited({ pids: { limit: 50 } });
    const file = fileOf(pid, FILES.pids)!;
    await runtime().must('delete', '--force', id);
    expect(existsSync(file)).toBe(false);
  });
});

interface Stats {
  cpu: { usage: { total: number } };
  memory: { usage: { limit: number; usage: number } };
  pids: { current: number };
}

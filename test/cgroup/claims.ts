// What limits do to a real container. Run natively on a pure cgroup v2 host, and otherwise inside User Mode Linux.

import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { HostConfigBody } from '../../src/api/types.ts';
import { specResources } from '../../src/engine/container/spec-resources.ts';
import { openCgroupTree, type CgroupTree } from '../../src/runtime/cgroup-tree.ts';
import {
  cgroupLimits,
  isFrozen,
  killCgroup,
  makeCgroup,
  removeCgroup,
  setFrozen,
  wasOomKilled,
} from '../../src/runtime/cgroup.ts';
import { missingLimits } from '../../src/runtime/cgroup-limits.ts';
import { makeHost, start, type Ended, type Host, type Running, type Wanted } from '../runtime/container.ts';

export interface Claim {
  title: string;
  check(bed: Bed): Promise<void>;
}

export interface Bed {
  host: Host;
  tree: CgroupTree;
}

/** Finds the tree and lays out an image. @param asRoot see makeHost */
export function openBed(asRoot: boolean): Bed {
  const tree = openCgroupTree();
  if (tree.parent === undefined) throw new Error(tree.reason);
  return { host: makeHost({ asRoot }), tree };
}

const noDevices = (): never => assert.fail('no device was named');
let count = 0;

async function startLimited(
  { host, tree }: Bed,
  { script, limits, ...wanted }: Wanted & { script: string; limits: HostConfigBody },
): Promise<Running & { cgroup: string }> {
  const cgroup = makeCgroup(tree, { name: `test-${++count}`, resources: specResources(limits, noDevices) });
  assert.ok(cgroup);
  const running = await start(host, ['sh', '-c', script], {
    ...wanted,
    host: { ...wanted.host, ...limits },
    options: { cgroup },
  });
  if (running.pid === 0) assert.fail((await running.ended).failed);
  return { ...running, cgroup };
}

/** Runs a script under limits; the cgroup is judged and removed afterwards. */
async function runLimited(
  bed: Bed,
  wanted: Wanted & { script: string; limits: HostConfigBody },
): Promise<Ended & { oomKilled: boolean; stat: string }> {
  const { ended, cgroup } = await startLimited(bed, wanted);
  const result = await ended;
  assert.equal(result.failed, undefined);
  const stat = readFileSync(join(cgroup, 'cpu.stat'), 'utf8');
  const oomKilled = wasOomKilled(cgroup);
  await removeCgroup(cgroup);
  assert.ok(!existsSync(cgroup), `${cgroup} is still there`);
  return { ...result, oomKilled, stat };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries === 1000) assert.fail(`never came true: ${what}`);
    await pause(20);
  }
}

/** Touches 200 MB. `tail` keeps all of a line that never ends. */
const HOG = 'head -c 200000000 /dev/zero | tail';
const MB = 1 << 20;

export const CLAIMS: Claim[] = [
  {
    title: 'the tree offers memory, cpu and pids',
    async check({ tree }) {
      const limits = cgroupLimits(tree);
      assert.equal(limits.memory, true);
      assert.equal(limits.memoryReservation, true);
      assert.equal(limits.cpuCfs, true);
      assert.equal(limits.cpuShares, true);
      assert.equal(limits.pids, true);
      assert.equal(limits.cpuset, tree.controllers.has('cpuset'));
      assert.equal(limits.cpus !== '', limits.cpuset);
    },
  },
  {
    title: 'the container sees its limits in its own root cgroup',
    async check(bed) {
      const limits = {
        Memory: 64 * MB,
        MemoryReservation: 32 * MB,
        NanoCpus: 1.5e9,
        CpuShares: 512,
        PidsLimit: 30,
      };
      const script =
        'cd /sys/fs/cgroup && cat memory.max memory.low cpu.max cpu.weight pids.max; cat /proc/self/cgroup';
      const { stdout } = await runLimited(bed, { script, limits });
      assert.deepEqual(stdout.trim().split('\n'), ['67108864', '33554432', '150000 100000', '59', '30', '0::/']);
    },
  },
  {
    title: 'as much swap as memory is allowed, less when asked',
    async check(bed) {
      if (!cgroupLimits(bed.tree).swap) return;
      const script = 'cat /sys/fs/cgroup/memory.swap.max';
      const { stdout } = await runLimited(bed, { script, limits: { Memory: 64 * MB } });
      assert.equal(stdout.trim(), String(64 * MB));
      const less = await runLimited(bed, { script, limits: { Memory: 64 * MB, MemorySwap: 64 * MB } });
      assert.equal(less.stdout.trim(), '0');
    },
  },
  {
    title: 'init that takes more memory than it may is killed, and it shows',
    async check(bed) {
      const script = 'exec tail /dev/zero';
      const { signal, oomKilled } = await runLimited(bed, { script, limits: { Memory: 16 * MB } });
      assert.deepEqual({ signal, oomKilled }, { signal: 9, oomKilled: true });
    },
  },
  {
    title: 'a child that is killed for memory shows too, although init goes on',
    async check(bed) {
      const { stdout, code, oomKilled } = await runLimited(bed, {
        script: `(${HOG}) >/dev/null; echo after`,
        limits: { Memory: 16 * MB },
      });
      assert.equal(stdout.trim(), 'after');
      assert.equal(code, 0);
      assert.equal(oomKilled, true);
    },
  },
  {
    title: 'a container that ends by itself was not killed for memory',
    async check(bed) {
      const { code, oomKilled } = await runLimited(bed, { script: 'exit 3', limits: { Memory: 64 * MB } });
      assert.deepEqual({ code, oomKilled }, { code: 3, oomKilled: false });
    },
  },
  {
    title: 'a fork bomb stops at its limit',
    async check(bed) {
      const script = 'i=0; while [ $i -lt 60 ]; do sleep 30 & i=$((i+1)); done; echo all';
      const running = await startLimited(bed, { script, limits: { PidsLimit: 20 } });
      const events = join(running.cgroup, 'pids.events');
      await until(() => /^max [1-9]/m.test(readFileSync(events, 'utf8')), 'the limit was hit');
      assert.ok(Number(readFileSync(join(running.cgroup, 'pids.current'), 'utf8')) <= 20);
      killCgroup(running.cgroup);
      await running.ended;
      await removeCgroup(running.cgroup);
    },
  },
  {
    title: 'a tenth of a cpu is a tenth: the kernel throttles',
    async check(bed) {
      const script = 'i=0; while [ $i -lt 5000 ]; do i=$((i+1)); done';
      const { stat, code } = await runLimited(bed, { script, limits: { NanoCpus: 1e8 } });
      assert.equal(code, 0);
      assert.match(stat, /^nr_throttled [1-9]/m);
    },
  },
  {
    title: 'a frozen container stands still, and goes on',
    async check(bed) {
      const script = 'while :; do echo tick; sleep 0.05; done';
      const running = await startLimited(bed, { script, limits: {} });
      const ticks = () => running.control.text('stdout').length;
      await until(() => ticks() > 0, 'it ticks');
      setFrozen(running.cgroup, true);
      await until(() => isFrozen(running.cgroup), 'it is frozen');
      await pause(200);
      const before = ticks();
      await pause(500);
      assert.equal(ticks(), before);
      setFrozen(running.cgroup, false);
      await until(() => ticks() > before, 'it ticks again');
      killCgroup(running.cgroup);
      assert.equal((await running.ended).signal, 9);
      await removeCgroup(running.cgroup);
    },
  },
  {
    title: 'cgroups that a container made below its own are removed with it',
    async check(bed) {
      const script = 'mkdir -p /sys/fs/cgroup/a/b && sleep 100';
      const running = await startLimited(bed, { script, limits: {}, host: { SecurityOpt: ['writable-cgroups=true'] } });
      await until(() => existsSync(join(running.cgroup, 'a/b')), 'they are made');
      await removeCgroup(running.cgroup);
      assert.ok(!existsSync(running.cgroup));
      assert.equal((await running.ended).signal, 9);
    },
  },
  {
    title: 'a value that the kernel refuses is named with its file, and nothing is left behind',
    async check({ tree }) {
      const resources = { memory: { limit: 64 * MB }, unified: { 'memory.high': 'plenty' } };
      assert.throws(
        () => makeCgroup(tree, { name: 'refused', resources }),
        /failed to write "plenty" to .*memory\.high: .*EINVAL/,
      );
      assert.ok(!existsSync(join(tree.parent!, 'refused')));
    },
  },
  {
    title: 'unified files are written as they are, and a limit that has no file is said by name',
    async check({ tree }) {
      const unified = { 'memory.high': String(64 * MB), 'cpu.weight': '50' };
      const resources = { memory: { reservation: 8 * MB }, unified, hugepageLimits: [{ pageSize: '3KB', limit: 1 }] };
      const directory = makeCgroup(tree, { name: 'unified', resources: { ...resources, hugepageLimits: [] } })!;
      const read = (file: string) => readFileSync(join(directory, file), 'utf8').trim();
      assert.deepEqual(['memory.high', 'cpu.weight', 'memory.low'].map(read), [String(64 * MB), '50', String(8 * MB)]);
      const missing = missingLimits(directory, resources);
      assert.deepEqual(missing, [`limit hugetlb.3KB.max = 1 is not set: ${directory} has no such file`]);
      await removeCgroup(directory);
    },
  },
  {
    title: 'a cgroup that is gone is no error to remove',
    async check({ tree }) {
      const directory = join(tree.parent!, 'gone');
      mkdirSync(directory);
      await removeCgroup(directory);
      await removeCgroup(directory);
    },
  },
];

// Mutated config.json through what punnet-runc does with it before it touches the kernel: check, compile, limits, bytes. Each
// ends in a plan or in a sentence for a person; nothing else may come out. `npm run fuzz:config` does it a hundred thousand times.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { PunnetError } from '../../src/base/errors.ts';
import type { Spec } from '../../src/base/oci-runtime.ts';
import { encodePlan } from '../../src/native/plan.ts';
import { cgroupValues } from '../../src/runtime/cgroup-values.ts';
import { compilePlan } from '../../src/runtime/compile.ts';
import { checkSpec } from '../../src/runtime/validate.ts';
import { runcSpec, makeRootless } from './bundle.ts';

const TIMES = Number(process.env.PUNNET_FUZZ_TIMES ?? 2_000);
const SEED = Number(process.env.PUNNET_FUZZ_SEED ?? 1);
const CASES = join(import.meta.dirname, '../cases/plan');

/** xorshift32: the same seed gives the same mutations everywhere. */
function random(seed: number): (below: number) => number {
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const WORDS = [
  '', '/', '.', '..', '/proc', '/proc/self/fd/3', '/../..', 'a\0b', '%child', 'x'.repeat(5000), '💥', '__proto__', 'constructor',
  'toString', 'bind', 'rbind', 'ro', 'rro', 'idmap', 'tmpcopyup', 'remount', 'tmpfs', 'proc', 'cgroup', 'user', 'time', 'network',
  'SCMP_ACT_NOTIFY', 'SCHED_FIFO', 'CAP_SYS_ADMIN', 'RLIMIT_CPU', '0-3', '1-', 'net.ipv4.ip_forward', 'shared', 'LINUX32',
]; // prettier-ignore
const NUMBERS = [
  0,
  -1,
  1,
  0.5,
  65_535,
  65_536,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53,
  2 ** 63,
  2 ** 64,
  1e300,
  -(2 ** 63),
];
const FIELDS = [
  'scheduler', 'ioPriority', 'execCPUAffinity', 'personality', 'timeOffsets', 'netDevices', 'intelRdt', 'seccomp', 'sysctl', 'hooks',
  'uidMappings', 'gidMappings', 'resources', 'devices', 'memoryPolicy', 'rootfsPropagation', 'mountLabel', 'apparmorProfile',
  'additionalGids', 'umask', 'consoleSize', 'terminal', 'options', 'path', 'type', 'capabilities', 'rlimits', 'unified', 'memory',
]; // prettier-ignore

/** Sections that the seeds have not, whole, so that mutations reach into them. */
const SECTIONS: ((spec: Spec) => void)[] = [
  (spec) =>
    (spec.process!.scheduler = {
      policy: 'SCHED_DEADLINE',
      runtime: 1,
      deadline: 2,
      period: 3,
      flags: ['SCHED_FLAG_RECLAIM'],
    }),
  (spec) => (spec.process!.ioPriority = { class: 'IOPRIO_CLASS_BE', priority: 3 }),
  (spec) => (spec.process!.execCPUAffinity = { initial: '0-1', final: '0' }),
  (spec) => (spec.linux!.memoryPolicy = { mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_STATIC_NODES'] }),
  (spec) => {
    spec.linux!.namespaces!.push({ type: 'time' });
    spec.linux!.timeOffsets = { boottime: { secs: 1, nanosecs: 2 } };
  },
  (spec) => (spec.linux!.netDevices = { eth0: { name: 'net0' } }),
  (spec) =>
    (spec.linux!.namespaces = spec.linux!.namespaces!.map(({ type }) => ({ type, path: `/proc/1/ns/${type}` }))),
  (spec) => spec.mounts!.push({ destination: '/t', type: 'tmpfs', source: 't', options: ['tmpcopyup', 'ro'] }),
  (spec) => {
    const maps = [{ containerID: 0, hostID: 1, size: 2 }];
    spec.mounts!.push({
      destination: '/i',
      type: 'bind',
      source: '/x',
      options: ['ridmap'],
      uidMappings: maps,
      gidMappings: maps,
    });
  },
  (spec) =>
    (spec.hooks = {
      createRuntime: [{ path: '/h', args: ['h'], env: ['A=b'], timeout: 3 }],
      poststop: [{ path: '/p' }],
    }),
  (spec) => {
    spec.linux!.seccomp = {
      defaultAction: 'SCMP_ACT_ERRNO',
      listenerPath: '/run/agent',
      syscalls: [{ names: ['acct'], action: 'SCMP_ACT_NOTIFY', args: [{ index: 0, value: 1, op: 'SCMP_CMP_EQ' }] }],
    };
  },
  (spec) => {
    spec.linux!.resources = {
      memory: { limit: 1 << 20, swap: 1 << 21, reservation: 4096 },
      cpu: { shares: 512, quota: 1000, period: 10_000, cpus: '0-1' },
      pids: { limit: 3 },
      blockIO: { weight: 100, throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }] },
      hugepageLimits: [{ pageSize: '2MB', limit: 1 }],
      rdma: { mlx: { hcaHandles: 1 } },
      unified: { 'memory.high': '1' },
      devices: [{ allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' }],
    };
  },
];

type Json = Record<string, unknown>;

/** Every object and list of a value. */
function places(value: unknown, found: Json[] = []): Json[] {
  if (typeof value !== 'object' || value === null) return found;
  found.push(value as Json);
  for (const member of Object.values(value)) places(member, found);
  return found;
}

function anything(pick: (below: number) => number, spec: unknown): unknown {
  switch (pick(6)) {
    case 0:
      return WORDS[pick(WORDS.length)];
    case 1:
      return NUMBERS[pick(NUMBERS.length)];
    case 2:
      return [null, true, false, [], {}, [[]]][pick(6)];
    default: {
      const all = places(spec);
      const from = all[pick(all.length)]!;
      const keys = Object.keys(from);
      return structuredClone(keys.length > 0 ? from[keys[pick(keys.length)]!] : from);
    }
  }
}

function mutate(spec: Json, pick: (below: number) => number): void {
  for (let n = 1 + pick(4); n > 0; n--) {
    const all = places(spec);
    const place = all[pick(all.length)]!;
    const keys = Object.keys(place);
    const key = keys.length > 0 && pick(4) > 0 ? keys[pick(keys.length)]! : FIELDS[pick(FIELDS.length)]!;
    if (pick(6) === 0) delete place[key];
    else if (Array.isArray(place) && pick(3) === 0) place.push(anything(pick, spec));
    else
      Object.defineProperty(place, key, {
        value: anything(pick, spec),
        enumerable: true,
        configurable: true,
        writable: true,
      });
  }
}

const seeds: Spec[] = readdirSync(CASES).map((name) => {
  return JSON.parse(readFileSync(join(CASES, name, 'config.json'), 'utf8')) as Spec;
});
const rootless = runcSpec(['sh']);
makeRootless(rootless, { uid: 1000, gid: 1000 });
seeds.push(runcSpec(['sh']), rootless);

/** The sentence of a refusal; undefined where a plan came out. */
function through(value: unknown, survives: boolean): string | undefined {
  try {
    const { spec } = checkSpec(value);
    cgroupValues(spec.linux?.resources ?? {});
    const seccomp = spec.linux?.seccomp ? { seccomp: new Uint8Array(8) } : {};
    const more = survives
      ? { survives, hooks: { id: 'x', bundle: '/b' }, startFifo: '/f', lsm: { apparmor: true } }
      : {};
    encodePlan(compilePlan(spec, { rootfs: '/b/rootfs', initialUserns: survives, ...seccomp, ...more }));
    return undefined;
  } catch (error) {
    if (!(error instanceof PunnetError)) throw error;
    expect(['invalidArgument', 'notImplemented']).toContain(error.kind);
    return error.message;
  }
}

test(`${TIMES} mutated configurations end in a plan or in a sentence`, async () => {
  const pick = random(SEED);
  const refusals = new Map<string, number>();
  let plans = 0;
  for (let i = 0; i < TIMES; i++) {
    const spec = structuredClone(seeds[pick(seeds.length)]!);
    for (let n = pick(3); n > 0; n--) SECTIONS[pick(SECTIONS.length)]!(spec);
    if (i >= SECTIONS.length) mutate(spec as unknown as Json, pick);
    const text = JSON.stringify(spec);
    // So that vitest hears of its worker.
    if (i % 500 === 0) await setImmediate();
    let said: string | undefined;
    try {
      said = through(JSON.parse(text), pick(2) === 0);
    } catch (error) {
      throw new Error(`seed ${SEED}, number ${i}: ${String(error)}\n${text}`, { cause: error });
    }
    if (said === undefined) plans++;
    else refusals.set(said.replace(/["\d].*/s, ''), (refusals.get(said) ?? 0) + 1);
    if (
      said !== undefined &&
      (said.length < 10 || said.length > 12_000 || /undefined|NaN|\[object|TypeError/.test(said))
    ) {
      throw new Error(`seed ${SEED}, number ${i}: no sentence: ${said.slice(0, 300)}\n${text.slice(0, 2000)}`);
    }
  }
  // Both happen, or the mutations are too tame or too wild to show anything.
  expect(plans).toBeGreaterThan(TIMES / 20);
  expect(refusals.size).toBeGreaterThan(20);
}, 1_800_000);

// spec.linux.resources → what is written into which file of a cgroup v2 directory. Pure.
// runtime-spec config-linux.md#control-groups, kernel Documentation/admin-guide/cgroup-v2.rst

import { invalidArgument } from '../base/errors.ts';
import type { SpecResources } from '../base/oci-runtime.ts';

export type Controller = 'cpu' | 'cpuset' | 'io' | 'memory' | 'pids' | 'hugetlb' | 'rdma';

export interface CgroupValue {
  controller: Controller | undefined;
  /** `memory.max` */
  file: string;
  value: string;
  /** another file that takes another value where `file` does not exist */
  instead?: { file: string; value: string };
}

const DEFAULT_PERIOD = 100_000;

/**
 * The values in the order in which they are written.
 * @throws invalidArgument for a swap limit without or below the memory limit
 */
export function cgroupValues(resources: SpecResources): CgroupValue[] {
  return [
    ...memoryValues(resources.memory),
    ...cpuValues(resources.cpu),
    ...cpusetValues(resources.cpu),
    ...pidsValues(resources.pids),
    ...ioValues(resources.blockIO),
    ...(resources.hugepageLimits ?? []).map(({ pageSize, limit }): CgroupValue => {
      // A part of a file's name, so that it must not lead elsewhere.
      if (!/^\d+[KMG]B$/.test(pageSize))
        throw invalidArgument(`invalid hugepage size ${JSON.stringify(pageSize)}: such as 2MB`);
      return { controller: 'hugetlb', file: `hugetlb.${pageSize}.max`, value: String(limit) };
    }),
    ...Object.entries(resources.rdma ?? {}).map(([device, { hcaHandles, hcaObjects }]): CgroupValue => {
      const handles = hcaHandles === undefined ? '' : ` hca_handle=${hcaHandles}`;
      const objects = hcaObjects === undefined ? '' : ` hca_object=${hcaObjects}`;
      return { controller: 'rdma', file: 'rdma.max', value: `${device}${handles}${objects}` };
    }),
    ...Object.entries(resources.unified ?? {}).map(([file, value]): CgroupValue => {
      if (!/^[\w.-]+$/.test(file) || file.startsWith('.'))
        throw invalidArgument(`unified resource ${JSON.stringify(file)} must be a file name`);
      return { controller: controllerOf(file), file, value };
    }),
  ];
}

function memoryValues(memory: SpecResources['memory'] = {}): CgroupValue[] {
  const values: CgroupValue[] = [];
  const add = (file: string, value: string | undefined) => {
    if (value !== undefined) values.push({ controller: 'memory', file, value });
  };
  add('memory.swap.max', swapMax(memory.swap, memory.limit));
  add('memory.max', bytes(memory.limit));
  add('memory.low', bytes(memory.reservation));
  return values;
}

/** The specification counts memory and swap together, cgroup v2 swap alone. */
export function swapMax(both: number | undefined, memory: number | undefined): string | undefined {
  if (both === undefined || both === 0) return undefined;
  if (both < 0) return 'max';
  if (memory === undefined || memory <= 0) throw invalidArgument('unable to set swap limit without memory limit');
  if (both < memory) throw invalidArgument('memory+swap limit should be >= memory limit');
  return String(both - memory);
}

function cpuValues(cpu: SpecResources['cpu'] = {}): CgroupValue[] {
  const values: CgroupValue[] = [];
  if (cpu.shares) values.push({ controller: 'cpu', file: 'cpu.weight', value: String(cpuWeight(cpu.shares)) });
  if (cpu.quota !== undefined || cpu.period !== undefined) {
    const quota = cpu.quota !== undefined && cpu.quota > 0 ? String(cpu.quota) : 'max';
    values.push({ controller: 'cpu', file: 'cpu.max', value: `${quota} ${cpu.period || DEFAULT_PERIOD}` });
  }
  if (cpu.burst !== undefined) values.push({ controller: 'cpu', file: 'cpu.max.burst', value: String(cpu.burst) });
  if (cpu.idle !== undefined) values.push({ controller: 'cpu', file: 'cpu.idle', value: String(cpu.idle) });
  return values;
}

/**
 * cgroup v1's shares (2…262144, 1024 in the middle) as v2's weight (1…10000, 100 in the middle): a quadratic through these
 * three points in logarithms, as runc ≥ 1.3.2 and crun ≥ 1.23 have it.
 */
export function cpuWeight(shares: number): number {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  const l = Math.log2(shares);
  return Math.ceil(10 ** ((l * l + 125 * l) / 612 - 7 / 34));
}

function cpusetValues(cpu: SpecResources['cpu'] = {}): CgroupValue[] {
  const values: CgroupValue[] = [];
  if (cpu.cpus) values.push({ controller: 'cpuset', file: 'cpuset.cpus', value: cpu.cpus });
  if (cpu.mems) values.push({ controller: 'cpuset', file: 'cpuset.mems', value: cpu.mems });
  return values;
}

function pidsValues(pids: SpecResources['pids']): CgroupValue[] {
  if (!pids || pids.limit === 0) return [];
  return [{ controller: 'pids', file: 'pids.max', value: pids.limit > 0 ? String(pids.limit) : 'max' }];
}

function ioValues(io: SpecResources['blockIO'] = {}): CgroupValue[] {
  const values: CgroupValue[] = [];
  const weight = (prefix: string, value: number): CgroupValue => {
    const plain = { file: 'io.weight', value: `${prefix}${ioWeight(value)}` };
    return { controller: 'io', file: 'io.bfq.weight', value: `${prefix}${value}`, instead: plain };
  };
  if (io.weight) values.push(weight('', io.weight));
  for (const { major, minor, weight: value } of io.weightDevice ?? []) {
    if (value) values.push(weight(`${major}:${minor} `, value));
  }
  const throttles = {
    rbps: io.throttleReadBpsDevice,
    wbps: io.throttleWriteBpsDevice,
    riops: io.throttleReadIOPSDevice,
    wiops: io.throttleWriteIOPSDevice,
  };
  for (const [key, devices] of Object.entries(throttles)) {
    for (const { major, minor, rate } of devices ?? []) {
      values.push({ controller: 'io', file: 'io.max', value: `${major}:${minor} ${key}=${rate}` });
    }
  }
  return values;
}

/** 10…1000 → 1…10000 */
export function ioWeight(weight: number): number {
  return Math.trunc(1 + ((weight - 10) * 9999) / 990);
}

function bytes(value: number | undefined): string | undefined {
  if (value === undefined || value === 0) return undefined;
  return value < 0 ? 'max' : String(value);
}

function controllerOf(file: string): Controller | undefined {
  const name = file.split('.', 1)[0]!;
  return name === 'cgroup' ? undefined : (name as Controller);
}

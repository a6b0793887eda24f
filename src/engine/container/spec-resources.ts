// HostConfig's limits → spec.linux.resources and process.rlimits, with Docker's meanings. Pure. runtime-spec config-linux.md

import type { HostConfigBody } from '../../api/types.ts';
import { invalidArgument } from '../../base/errors.ts';
import type { SpecResources, SpecRlimit } from '../../base/oci-runtime.ts';
import { RLIMITS } from '../../native/constants.ts';

/** microseconds: the period in which --cpus is a quota */
const CPU_PERIOD = 100_000;

/** Device numbers of a path, for io limits. */
export type DeviceNumbers = (path: string) => { major: number; minor: number };

/** Only what was asked for: zero means nothing was. */
export function specResources(host: HostConfigBody, deviceNumbers: DeviceNumbers): SpecResources {
  const resources: SpecResources = {};
  const memory = memoryOf(host);
  const cpu = cpuOf(host);
  const blockIO = blockIoOf(host, deviceNumbers);
  if (memory) resources.memory = memory;
  if (cpu) resources.cpu = cpu;
  if (blockIO) resources.blockIO = blockIO;
  // 0 is what a client sends that means "unlimited", as -1.
  if (host.PidsLimit) resources.pids = { limit: host.PidsLimit };
  return resources;
}

function memoryOf(host: HostConfigBody): SpecResources['memory'] {
  const memory: NonNullable<SpecResources['memory']> = {};
  if (host.Memory) memory.limit = host.Memory;
  if (host.MemoryReservation) memory.reservation = host.MemoryReservation;
  if (host.MemorySwap) memory.swap = host.MemorySwap;
  // Docker's default: as much swap as memory.
  else if (host.Memory) memory.swap = host.Memory * 2;
  if ((host.MemorySwappiness ?? -1) >= 0) memory.swappiness = host.MemorySwappiness!;
  if (host.OomKillDisable) memory.disableOOMKiller = true;
  return nonEmpty(memory);
}

function cpuOf(host: HostConfigBody): SpecResources['cpu'] {
  const cpu: NonNullable<SpecResources['cpu']> = {};
  if (host.CpuShares) cpu.shares = host.CpuShares;
  if (host.NanoCpus) {
    cpu.period = CPU_PERIOD;
    cpu.quota = Math.trunc((host.NanoCpus * CPU_PERIOD) / 1e9);
  }
  if (host.CpuPeriod) cpu.period = host.CpuPeriod;
  if (host.CpuQuota) cpu.quota = host.CpuQuota;
  if (host.CpusetCpus) cpu.cpus = host.CpusetCpus;
  if (host.CpusetMems) cpu.mems = host.CpusetMems;
  if (host.CpuRealtimePeriod) cpu.realtimePeriod = host.CpuRealtimePeriod;
  if (host.CpuRealtimeRuntime) cpu.realtimeRuntime = host.CpuRealtimeRuntime;
  return nonEmpty(cpu);
}

function blockIoOf(host: HostConfigBody, deviceNumbers: DeviceNumbers): SpecResources['blockIO'] {
  const blockIO: NonNullable<SpecResources['blockIO']> = {};
  if (host.BlkioWeight) blockIO.weight = host.BlkioWeight;
  if (host.BlkioWeightDevice?.length) {
    blockIO.weightDevice = host.BlkioWeightDevice.map(({ Path, Weight }) => ({
      ...deviceNumbers(Path),
      weight: Weight,
    }));
  }
  const throttles = {
    throttleReadBpsDevice: host.BlkioDeviceReadBps,
    throttleWriteBpsDevice: host.BlkioDeviceWriteBps,
    throttleReadIOPSDevice: host.BlkioDeviceReadIOps,
    throttleWriteIOPSDevice: host.BlkioDeviceWriteIOps,
  };
  for (const [name, list] of Object.entries(throttles) as [keyof typeof throttles, typeof host.BlkioDeviceReadBps][]) {
    if (list?.length) blockIO[name] = list.map(({ Path, Rate }) => ({ ...deviceNumbers(Path), rate: Rate }));
  }
  return nonEmpty(blockIO);
}

/** @throws invalidArgument with Docker's text for an unknown name or a soft limit above the hard one */
export function specRlimits(ulimits: HostConfigBody['Ulimits']): SpecRlimit[] {
  return (ulimits ?? []).map(({ Name, Soft, Hard }) => {
    const type = `RLIMIT_${Name.toUpperCase()}`;
    if (!(type in RLIMITS)) throw invalidArgument(`invalid ulimit type: ${Name}`);
    if (Hard !== -1 && (Soft === -1 || Soft > Hard)) {
      throw invalidArgument(`ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}`);
    }
    return { type, soft: Soft, hard: Hard };
  });
}

function nonEmpty<T extends object>(value: T): T | undefined {
  return Object.keys(value).length > 0 ? value : undefined;
}

// Limits of a create request: Docker's ranges and conflicts, and Docker's warnings for what this host cannot limit.
// Runs in the daemon. moby: daemon/daemon_unix.go, verifyPlatformContainerResources.

import type { HostConfigBody } from '../../api/types.ts';
import { invalidArgument } from '../../base/errors.ts';
import type { CgroupLimits } from '../../runtime/cgroup.ts';

const SIX_MEGABYTES = 6 * 1024 * 1024;
const NOT_MOUNTED = 'or the cgroup is not mounted';

/** Returns warnings; takes out of `host` what cannot be applied. @throws invalidArgument */
export function verifyResources(
  host: HostConfigBody,
  { limits, cpus }: { limits: CgroupLimits; cpus: number },
): string[] {
  return [
    ...verifyMemory(host, limits),
    ...verifyPids(host, limits),
    ...verifyCpu(host, limits, cpus),
    ...verifyCpuset(host, limits),
    ...verifyBlockIo(host, limits),
  ];
}

function verifyMemory(host: HostConfigBody, limits: CgroupLimits): string[] {
  const { Memory: memory = 0, MemorySwap: swap = 0, MemoryReservation: reservation = 0 } = host;
  // What is wrong on every host is refused, before what this host cannot do is left out.
  if (memory !== 0 && memory < SIX_MEGABYTES) throw invalidArgument('Minimum memory limit allowed is 6MB');
  if (memory > 0 && swap > 0 && swap < memory) {
    throw invalidArgument('Minimum memoryswap limit should be larger than memory limit, see usage');
  }
  if (memory === 0 && swap > 0) {
    throw invalidArgument('You should always set the Memory limit when using Memoryswap limit, see usage');
  }
  if (reservation > 0 && reservation < SIX_MEGABYTES) {
    throw invalidArgument('Minimum memory reservation allowed is 6MB');
  }
  if (memory > 0 && reservation > memory) {
    throw invalidArgument('Minimum memory limit can not be less than memory reservation limit, see usage');
  }
  const swappiness = host.MemorySwappiness ?? -1;
  if (swappiness < -1 || swappiness > 100) {
    throw invalidArgument(`Invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
  }
  const warnings: string[] = [];
  if (memory > 0 && !limits.memory) {
    warnings.push(`Your kernel does not support memory limit capabilities ${NOT_MOUNTED}. Limitation discarded.`);
    host.Memory = 0;
    host.MemorySwap = -1;
  } else if (memory > 0 && swap !== -1 && !limits.swap) {
    warnings.push(`Your kernel does not support swap limit capabilities ${NOT_MOUNTED}. Memory limited without swap.`);
    host.MemorySwap = -1;
  }
  if (reservation > 0 && !limits.memoryReservation) {
    warnings.push(`Your kernel does not support memory soft limit capabilities ${NOT_MOUNTED}. Limitation discarded.`);
    host.MemoryReservation = 0;
  }
  if (swappiness !== -1) {
    // cgroup v2 has no swappiness of a group.
    warnings.push(
      `Your kernel does not support memory swappiness capabilities ${NOT_MOUNTED}. Memory swappiness discarded.`,
    );
  }
  host.MemorySwappiness = null;
  if (host.OomKillDisable === true) {
    warnings.push('Your kernel does not support OomKillDisable. OomKillDisable discarded.');
  }
  host.OomKillDisable = null;
  return warnings;
}

function verifyPids(host: HostConfigBody, limits: CgroupLimits): string[] {
  if ((host.PidsLimit ?? 0) <= 0) host.PidsLimit = null;
  if (host.PidsLimit === null || limits.pids) return [];
  host.PidsLimit = null;
  return [`Your kernel does not support PIDs limit capabilities ${NOT_MOUNTED}. PIDs limit discarded.`];
}

function verifyCpu(host: HostConfigBody, limits: CgroupLimits, cpus: number): string[] {
  const { NanoCpus: nano = 0, CpuPeriod: period = 0, CpuQuota: quota = 0, CpuShares: shares = 0 } = host;
  if (nano > 0 && period > 0) {
    throw invalidArgument('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  }
  if (nano > 0 && quota > 0) {
    throw invalidArgument('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  }
  if (nano < 0 || nano > cpus * 1e9) {
    throw invalidArgument(`range of CPUs is from 0.01 to ${cpus}.00, as there are only ${cpus} CPUs available`);
  }
  if (period !== 0 && (period < 1000 || period > 1_000_000)) {
    throw invalidArgument('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  }
  if (quota > 0 && quota < 1000) throw invalidArgument('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  const warnings: string[] = [];
  if (shares > 0 && !limits.cpuShares) {
    warnings.push(`Your kernel does not support CPU shares ${NOT_MOUNTED}. Shares discarded.`);
    host.CpuShares = 0;
  }
  if ((nano !== 0 || period !== 0 || quota !== 0) && !limits.cpuCfs) {
    // Docker refuses NanoCpus here and warns of the two that it stands for; a container that runs is of more use.
    warnings.push('Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.');
    host.NanoCpus = 0;
    host.CpuPeriod = 0;
    host.CpuQuota = 0;
  }
  return warnings;
}

function verifyCpuset(host: HostConfigBody, limits: CgroupLimits): string[] {
  const { CpusetCpus = '', CpusetMems = '' } = host;
  if (CpusetCpus === '' && CpusetMems === '') return [];
  const cpus = numbersOf(CpusetCpus);
  const mems = numbersOf(CpusetMems);
  if (cpus === undefined) throw invalidArgument(`Invalid value ${CpusetCpus} for cpuset cpus`);
  if (mems === undefined) throw invalidArgument(`Invalid value ${CpusetMems} for cpuset mems`);
  if (!limits.cpuset) {
    host.CpusetCpus = '';
    host.CpusetMems = '';
    return [`Your kernel does not support cpuset ${NOT_MOUNTED}. Cpuset discarded.`];
  }
  if (!isWithin(cpus, limits.cpus)) {
    throw invalidArgument(`Requested CPUs are not available - requested ${CpusetCpus}, available: ${limits.cpus}`);
  }
  if (!isWithin(mems, limits.mems)) {
    throw invalidArgument(
      `Requested memory nodes are not available - requested ${CpusetMems}, available: ${limits.mems}`,
    );
  }
  return [];
}

function verifyBlockIo(host: HostConfigBody, limits: CgroupLimits): string[] {
  const weight = host.BlkioWeight ?? 0;
  if (weight !== 0 && (weight < 10 || weight > 1000)) {
    throw invalidArgument('Range of blkio weight is from 10 to 1000');
  }
  const warnings: string[] = [];
  if (weight > 0 && !limits.blkioWeight) {
    warnings.push(`Your kernel does not support Block I/O weight ${NOT_MOUNTED}. Weight discarded.`);
    host.BlkioWeight = 0;
  }
  if ((host.BlkioWeightDevice ?? []).length > 0 && !limits.blkioWeight) {
    warnings.push(`Your kernel does not support Block I/O weight_device ${NOT_MOUNTED}. Weight-device discarded.`);
    host.BlkioWeightDevice = [];
  }
  const throttles = [
    ['BlkioDeviceReadBps', 'BPS Block I/O read limit', 'Block I/O BPS read limit'],
    ['BlkioDeviceWriteBps', 'BPS Block I/O write limit', 'Block I/O BPS write limit'],
    ['BlkioDeviceReadIOps', 'IOPS Block read limit', 'Block I/O IOPS read limit'],
    ['BlkioDeviceWriteIOps', 'IOPS Block write limit', 'Block I/O IOPS write limit'],
  ] as const;
  for (const [field, what, discarded] of throttles) {
    if ((host[field] ?? []).length === 0 || limits.blkioThrottle) continue;
    warnings.push(`Your kernel does not support ${what} ${NOT_MOUNTED}. ${discarded} discarded.`);
    host[field] = [];
  }
  return warnings;
}

/** The numbers of `0-2,7`; undefined when malformed. */
function numbersOf(text: string): Set<number> | undefined {
  const numbers = new Set<number>();
  if (text === '') return numbers;
  for (const part of text.split(',')) {
    const match = /^\s*(\d{1,4})(?:-(\d{1,4}))?\s*$/.exec(part);
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first) return undefined;
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return numbers;
}

function isWithin(wanted: Set<number>, available: string): boolean {
  const known = numbersOf(available.trim()) ?? new Set();
  return [...wanted].every((number) => known.has(number));
}

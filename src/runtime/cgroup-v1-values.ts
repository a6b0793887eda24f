// spec.linux.resources → what is written into which file of cgroup v1 directories. Pure. runtime-spec
// config-linux.md#control-groups, kernel Documentation/admin-guide/cgroup-v1

import type { SpecResources } from '../base/oci-runtime.ts';

export interface V1Value {
  /** of /proc/self/cgroup: `cpu`, `blkio` */
  controller: string;
  file: string;
  value: string;
  /** a file that takes the same where `file` does not exist */
  instead?: string;
}

type Wanted = readonly [file: string, value: number | string | undefined, instead?: string];

/**
 * Every limit that cgroup v1 knows, but the device rules, which a program of the v2 tree judges. Zero means, as in the
 * specification, that a limit is not asked for.
 */
export function v1Values(resources: SpecResources): V1Value[] {
  const { memory = {}, cpu = {}, pids, network = {} } = resources;
  const of = (controller: string, wanted: readonly Wanted[]): V1Value[] =>
    wanted
      .filter(([, value]) => value !== undefined && value !== 0 && value !== '')
      .map(([file, value, instead]) => ({
        controller,
        file: `${controller}.${file}`,
        value: String(value),
        ...(instead === undefined ? {} : { instead: `${controller}.${instead}` }),
      }));
  return [
    ...of('memory', [
      ['limit_in_bytes', memory.limit],
      ['memsw.limit_in_bytes', memory.swap],
      ['soft_limit_in_bytes', memory.reservation],
      ['swappiness', memory.swappiness === 0 ? '0' : memory.swappiness],
      ['oom_control', memory.disableOOMKiller ? 1 : undefined],
    ]),
    ...of('cpu', [
      ['shares', cpu.shares],
      ['cfs_period_us', cpu.period],
      ['cfs_quota_us', cpu.quota],
      ['cfs_burst_us', cpu.burst],
      ['rt_period_us', cpu.realtimePeriod],
      ['rt_runtime_us', cpu.realtimeRuntime],
      ['idle', cpu.idle],
    ]),
    ...of('cpuset', [
      ['cpus', cpu.cpus],
      ['mems', cpu.mems],
    ]),
    ...of('pids', [['max', pids && (pids.limit > 0 ? pids.limit : pids.limit < 0 ? 'max' : 0)]]),
    ...of('blkio', blkio(resources.blockIO)),
    ...of(
      'hugetlb',
      (resources.hugepageLimits ?? []).map(({ pageSize, limit }) => [`${pageSize}.limit_in_bytes`, String(limit)]),
    ),
    ...of('net_cls', [['classid', network.classID]]),
    ...of(
      'net_prio',
      (network.priorities ?? []).map(({ name, priority }) => ['ifpriomap', `${name} ${priority}`]),
    ),
  ];
}

function blkio(io: SpecResources['blockIO'] = {}): Wanted[] {
  const throttles = {
    read_bps: io.throttleReadBpsDevice,
    write_bps: io.throttleWriteBpsDevice,
    read_iops: io.throttleReadIOPSDevice,
    write_iops: io.throttleWriteIOPSDevice,
  };
  return [
    // The BFQ scheduler has its own, and others none.
    ['bfq.weight', io.weight, 'weight'],
    ['leaf_weight', io.leafWeight],
    ...(io.weightDevice ?? []).flatMap(({ major, minor, weight, leafWeight }): Wanted[] => [
      ['bfq.weight_device', weight && `${major}:${minor} ${weight}`, 'weight_device'],
      ['leaf_weight_device', leafWeight && `${major}:${minor} ${leafWeight}`],
    ]),
    ...Object.entries(throttles).flatMap(([name, devices = []]) =>
      devices.map(({ major, minor, rate }): Wanted => [`throttle.${name}_device`, `${major}:${minor} ${rate}`]),
    ),
  ];
}

// HostConfig as Docker stores and shows it: every field, with its default. Pure. Runs in the daemon.

import type { HostConfigBody } from '../../api/types.ts';
import { MASKED_PATHS, READONLY_PATHS } from '../../runtime/default-spec.ts';

const SHM_SIZE = 64 * 1024 * 1024;

/** Fills in what the client left out; `host` wins. */
export function completeHostConfig(host: HostConfigBody): HostConfigBody {
  const mode = host.NetworkMode ?? '';
  const privileged = host.Privileged === true;
  return {
    Binds: null,
    ContainerIDFile: '',
    PortBindings: {},
    AutoRemove: false,
    VolumeDriver: '',
    VolumesFrom: null,
    ConsoleSize: [0, 0],
    CapAdd: null,
    CapDrop: null,
    Dns: [],
    DnsOptions: [],
    DnsSearch: [],
    ExtraHosts: null,
    GroupAdd: null,
    Cgroup: '',
    Links: null,
    OomScoreAdj: 0,
    PidMode: '',
    Privileged: false,
    PublishAllPorts: false,
    ReadonlyRootfs: false,
    SecurityOpt: null,
    UTSMode: '',
    UsernsMode: '',
    Isolation: '',
    CpuShares: 0,
    Memory: 0,
    NanoCpus: 0,
    CgroupParent: '',
    BlkioWeight: 0,
    BlkioWeightDevice: [],
    BlkioDeviceReadBps: [],
    BlkioDeviceWriteBps: [],
    BlkioDeviceReadIOps: [],
    BlkioDeviceWriteIOps: [],
    CpuPeriod: 0,
    CpuQuota: 0,
    CpuRealtimePeriod: 0,
    CpuRealtimeRuntime: 0,
    CpusetCpus: '',
    CpusetMems: '',
    Devices: [],
    DeviceCgroupRules: null,
    DeviceRequests: null,
    MemoryReservation: 0,
    MemorySwap: 0,
    MemorySwappiness: null,
    OomKillDisable: null,
    PidsLimit: null,
    Ulimits: [],
    ...host,
    NetworkMode: mode === '' || mode === 'default' ? 'bridge' : mode,
    IpcMode: host.IpcMode || 'private',
    CgroupnsMode: host.CgroupnsMode || (host.Privileged === true ? 'host' : 'private'),
    RestartPolicy: {
      Name: host.RestartPolicy?.Name || 'no',
      MaximumRetryCount: host.RestartPolicy?.MaximumRetryCount ?? 0,
    },
    LogConfig: { Type: host.LogConfig?.Type || 'json-file', Config: host.LogConfig?.Config ?? {} },
    MaskedPaths: host.MaskedPaths ?? (privileged ? null : [...MASKED_PATHS]),
    ReadonlyPaths: host.ReadonlyPaths ?? (privileged ? null : [...READONLY_PATHS]),
    Runtime: host.Runtime || 'punnet',
    ShmSize: host.ShmSize || SHM_SIZE,
    // Twice the memory unless said otherwise: memory and as much swap.
    ...((host.Memory ?? 0) > 0 && (host.MemorySwap ?? 0) === 0 ? { MemorySwap: 2 * host.Memory! } : {}),
  };
}

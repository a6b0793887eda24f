// The flags of `run` and `create` as the body of POST /containers/create. Rules and texts of docker/cli
// (cli/command/container/opts.go). Reads the env, label and seccomp files that flags name; touches nothing else.

import type { ContainerConfigBody, CreateBody, HealthcheckBody, HostConfigBody } from '../api/types.ts';
import type { Flags } from './flag.ts';
import { readDevice } from './option/device.ts';
import { checkMac } from './option/host.ts';
import { cut, readKeyValueFile, toObject, type Ulimit } from './option/key-value.ts';
import { readVolume } from './option/mount.ts';
import { networking } from './option/networking.ts';
import { readPorts } from './option/port.ts';
import { checkMode, readRestart, readSecurity } from './option/resource.ts';

/**
 * @param words image and, behind it, the command and its arguments
 * @throws Error with docker/cli's text
 */
export function containerConfig(flags: Flags, [image = '', ...command]: string[]): CreateBody {
  const mac = flags.text('mac-address');
  if (mac !== '') checkMac(mac);
  const swappiness = flags.number('memory-swappiness', -1);
  if (swappiness < -1 || swappiness > 100) {
    throw new Error(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
  }
  const volumes = [...new Set(flags.all('volume'))].map(readVolume);
  const ports = readPorts(flags.all('publish'), flags.all('expose'));
  const devices = flags.all('device').map(readDevice);
  const env = lastOfEach([...fileLines(flags.all('env-file'), (key) => process.env[key]), ...flags.all('env')]);
  const labels = [...fileLines(flags.all('label-file')), ...flags.all('label')];
  for (const mode of ['pid', 'uts', 'userns', 'cgroupns'] as const) checkMode(mode, flags.text(mode));
  const restart = readRestart(flags.text('restart', 'no'));
  const driver = flags.text('log-driver');
  if (driver === 'none' && flags.changed('log-opt')) throw new Error(`invalid logging opts for driver ${driver}`);
  const security = readSecurity(flags.all('security-opt'));
  const healthcheck = health(flags);
  if (flags.on('rm') && !['', 'no'].includes(restart.Name)) {
    throw new Error('conflicting options: cannot specify both --restart and --rm');
  }
  const network = networking(flags);

  const config: ContainerConfigBody = {
    ...streams(flags),
    Hostname: flags.text('hostname'),
    Domainname: flags.text('domainname'),
    User: flags.text('user'),
    Env: orNull(env),
    Cmd: orNull(command),
    Image: image,
    Volumes: Object.fromEntries(volumes.flatMap((volume) => ('anonymous' in volume ? [[volume.anonymous, {}]] : []))),
    WorkingDir: flags.text('workdir'),
    Entrypoint: flags.changed('entrypoint') ? [flags.text('entrypoint')] : null,
    Labels: toObject(labels),
    ...(flags.text('stop-signal') !== '' && { StopSignal: flags.text('stop-signal') }),
    ...(flags.changed('stop-timeout') && { StopTimeout: flags.number('stop-timeout') }),
    ...(Object.keys(ports.exposed).length > 0 && { ExposedPorts: ports.exposed }),
    ...(healthcheck && { Healthcheck: healthcheck }),
  };
  const hostConfig: HostConfigBody = {
    ...resources(flags),
    Binds: orNull(volumes.flatMap((volume) => ('bind' in volume ? [volume.bind] : []))),
    Mounts: flags.changed('mount') ? flags.all('mount') : undefined,
    Tmpfs: flags.changed('tmpfs') ? tmpfs(flags.all('tmpfs')) : undefined,
    NetworkMode: network.mode,
    PortBindings: ports.bindings,
    PublishAllPorts: flags.on('publish-all'),
    ContainerIDFile: flags.text('cidfile'),
    AutoRemove: flags.on('rm'),
    RestartPolicy: restart,
    LogConfig: { Type: driver, Config: toObject(flags.all('log-opt')) },
    Devices: devices,
    CapAdd: orNull(capabilities(flags.all('cap-add'))),
    CapDrop: orNull(capabilities(flags.all('cap-drop'))),
    GroupAdd: orNull(flags.all('group-add')),
    Privileged: flags.on('privileged'),
    ReadonlyRootfs: flags.on('read-only'),
    SecurityOpt: orNull(security.options),
    MaskedPaths: security.unmasked ? [] : null,
    ReadonlyPaths: security.unmasked ? [] : null,
    PidMode: flags.text('pid'),
    IpcMode: flags.text('ipc'),
    UTSMode: flags.text('uts'),
    UsernsMode: flags.text('userns'),
    CgroupnsMode: flags.text('cgroupns'),
    ShmSize: flags.number('shm-size'),
    Sysctls: flags.changed('sysctl') ? toObject(flags.all('sysctl')) : undefined,
    Annotations: flags.changed('annotation') ? toObject(flags.all('annotation')) : undefined,
    Dns: flags.all('dns'),
    DnsOptions: flags.all('dns-option'),
    DnsSearch: flags.all('dns-search'),
    ExtraHosts: orNull(flags.all('add-host')),
    Links: orNull(flags.all('link')),
    VolumesFrom: orNull(flags.all('volumes-from')),
    VolumeDriver: flags.text('volume-driver'),
    StorageOpt: storage(flags.all('storage-opt')),
    Runtime: flags.changed('runtime') ? flags.text('runtime') : undefined,
    Isolation: flags.text('isolation'),
    OomScoreAdj: flags.number('oom-score-adj'),
    Init: flags.changed('init') ? flags.on('init') : undefined,
  };
  return { ...config, HostConfig: hostConfig, NetworkingConfig: { EndpointsConfig: network.endpoints } };
}

const orNull = <T>(list: T[]): T[] | null => (list.length > 0 ? list : null);

/** `net_admin` is CAP_NET_ADMIN; each once. */
function capabilities(names: string[]): string[] {
  const full = names
    .map((name) => name.trim().toUpperCase())
    .map((name) => (name === 'ALL' ? name : name.replace(/^(?!CAP_)/, 'CAP_')));
  return [...new Set(full)].sort();
}

/** A variable that is named twice keeps its first place and its last value. */
function lastOfEach(pairs: string[]): string[] {
  return [...new Map(pairs.map((pair) => [cut(pair).key, pair])).values()];
}

function fileLines(paths: string[], lookUp?: (key: string) => string | undefined): string[] {
  return paths.flatMap((path) => readKeyValueFile(path, lookUp));
}

function streams(flags: Flags): ContainerConfigBody {
  const attached = flags.all('attach');
  const stdin = attached.includes('stdin') || flags.on('interactive');
  const every = attached.length === 0;
  return {
    AttachStdin: stdin,
    AttachStdout: every || attached.includes('stdout'),
    AttachStderr: every || attached.includes('stderr'),
    Tty: flags.on('tty'),
    OpenStdin: flags.on('interactive'),
    StdinOnce: flags.on('interactive') && stdin,
  };
}

function resources(flags: Flags): HostConfigBody {
  const ulimits = new Map(flags.all<Ulimit>('ulimit').map((limit) => [limit.Name, limit]));
  return {
    Memory: flags.number('memory'),
    MemoryReservation: flags.number('memory-reservation'),
    MemorySwap: flags.number('memory-swap'),
    MemorySwappiness: flags.number('memory-swappiness', -1),
    OomKillDisable: flags.on('oom-kill-disable'),
    NanoCpus: flags.number('cpus'),
    CpuShares: flags.number('cpu-shares'),
    CpuPeriod: flags.number('cpu-period'),
    CpuQuota: flags.number('cpu-quota'),
    CpuRealtimePeriod: flags.number('cpu-rt-period'),
    CpuRealtimeRuntime: flags.number('cpu-rt-runtime'),
    CpusetCpus: flags.text('cpuset-cpus'),
    CpusetMems: flags.text('cpuset-mems'),
    PidsLimit: flags.number('pids-limit'),
    BlkioWeight: flags.number('blkio-weight'),
    BlkioWeightDevice: flags.all('blkio-weight-device'),
    BlkioDeviceReadBps: flags.all('device-read-bps'),
    BlkioDeviceWriteBps: flags.all('device-write-bps'),
    BlkioDeviceReadIOps: flags.all('device-read-iops'),
    BlkioDeviceWriteIOps: flags.all('device-write-iops'),
    Ulimits: [...ulimits.values()].sort((a, b) => (a.Name < b.Name ? -1 : 1)),
    DeviceCgroupRules: orNull(flags.all('device-cgroup-rule')),
    CgroupParent: flags.text('cgroup-parent'),
  };
}

function tmpfs(mounts: string[]): Record<string, string> {
  return Object.fromEntries(mounts.map((mount) => [cut(mount, ':').key, cut(mount, ':').value ?? '']));
}

function storage(options: string[]): Record<string, string> {
  if (options.some((option) => !option.includes('='))) throw new Error('invalid storage option');
  return toObject(options);
}

function health(flags: Flags): HealthcheckBody | undefined {
  const names = ['interval', 'timeout', 'retries', 'start-period', 'start-interval'];
  const set = flags.text('health-cmd') !== '' || names.some((name) => flags.number(`health-${name}`) !== 0);
  if (flags.on('no-healthcheck')) {
    if (set) throw new Error('--no-healthcheck conflicts with --health-* options');
    return { Test: ['NONE'] };
  }
  if (!set) return undefined;
  for (const name of names) {
    if (flags.number(`health-${name}`) < 0) throw new Error(`--health-${name} cannot be negative`);
  }
  return {
    ...(flags.text('health-cmd') !== '' && { Test: ['CMD-SHELL', flags.text('health-cmd')] }),
    Interval: flags.number('health-interval'),
    Timeout: flags.number('health-timeout'),
    StartPeriod: flags.number('health-start-period'),
    StartInterval: flags.number('health-start-interval'),
    Retries: flags.number('health-retries'),
  };
}

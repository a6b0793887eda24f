// The JSON types of a create request's fields, as data: a body is hostile until it has been held against this table.
// Unknown fields are ignored, as Go's decoder ignores them. Runs in the daemon. Docker Engine API, ContainerCreate.

import type { ContainerConfigBody, CreateBody, HostConfigBody } from '../../api/types.ts';
import { invalidArgument } from '../../base/errors.ts';

type Kind =
  'string' | 'boolean' | 'integer' | 'strings' | 'text or strings' | 'string map' | 'object' | 'objects' | 'list';

const CONFIG: Record<keyof ContainerConfigBody, Kind> = {
  Hostname: 'string',
  Domainname: 'string',
  User: 'string',
  AttachStdin: 'boolean',
  AttachStdout: 'boolean',
  AttachStderr: 'boolean',
  ExposedPorts: 'object',
  Tty: 'boolean',
  OpenStdin: 'boolean',
  StdinOnce: 'boolean',
  Env: 'strings',
  Cmd: 'text or strings',
  Entrypoint: 'text or strings',
  Image: 'string',
  Volumes: 'object',
  WorkingDir: 'string',
  NetworkDisabled: 'boolean',
  Labels: 'string map',
  StopSignal: 'string',
  StopTimeout: 'integer',
  Healthcheck: 'object',
  Shell: 'strings',
  OnBuild: 'strings',
  MacAddress: 'string',
};

const HOST: Record<keyof HostConfigBody, Kind> = {
  Binds: 'strings',
  Mounts: 'objects',
  Tmpfs: 'string map',
  NetworkMode: 'string',
  PortBindings: 'object',
  PublishAllPorts: 'boolean',
  AutoRemove: 'boolean',
  RestartPolicy: 'object',
  LogConfig: 'object',
  Memory: 'integer',
  MemorySwap: 'integer',
  MemoryReservation: 'integer',
  MemorySwappiness: 'integer',
  OomKillDisable: 'boolean',
  OomScoreAdj: 'integer',
  NanoCpus: 'integer',
  CpuShares: 'integer',
  CpuPeriod: 'integer',
  CpuQuota: 'integer',
  CpuRealtimePeriod: 'integer',
  CpuRealtimeRuntime: 'integer',
  CpusetCpus: 'string',
  CpusetMems: 'string',
  PidsLimit: 'integer',
  BlkioWeight: 'integer',
  BlkioWeightDevice: 'objects',
  BlkioDeviceReadBps: 'objects',
  BlkioDeviceWriteBps: 'objects',
  BlkioDeviceReadIOps: 'objects',
  BlkioDeviceWriteIOps: 'objects',
  CapAdd: 'strings',
  CapDrop: 'strings',
  Privileged: 'boolean',
  SecurityOpt: 'strings',
  ReadonlyRootfs: 'boolean',
  MaskedPaths: 'strings',
  ReadonlyPaths: 'strings',
  Ulimits: 'objects',
  Sysctls: 'string map',
  Devices: 'objects',
  DeviceCgroupRules: 'strings',
  DeviceRequests: 'list',
  Init: 'boolean',
  PidMode: 'string',
  IpcMode: 'string',
  UTSMode: 'string',
  UsernsMode: 'string',
  CgroupnsMode: 'string',
  Cgroup: 'string',
  CgroupParent: 'string',
  ShmSize: 'integer',
  GroupAdd: 'strings',
  ExtraHosts: 'strings',
  Dns: 'strings',
  DnsOptions: 'strings',
  DnsSearch: 'strings',
  Links: 'strings',
  VolumesFrom: 'strings',
  VolumeDriver: 'string',
  ContainerIDFile: 'string',
  Runtime: 'string',
  Isolation: 'string',
  ConsoleSize: 'list',
  StorageOpt: 'string map',
  Annotations: 'string map',
};

/** Copies the known fields. @throws invalidArgument, naming the field, when one has the wrong type */
export function checkShape(body: CreateBody): {
  config: ContainerConfigBody;
  hostConfig: HostConfigBody;
  endpoints: Record<string, object | null>;
} {
  const { HostConfig, NetworkingConfig } = body;
  for (const [name, value] of Object.entries({ HostConfig, NetworkingConfig })) {
    if (value !== undefined && value !== null && !isObject(value)) throw wrong(name, 'object');
  }
  const endpoints = NetworkingConfig?.EndpointsConfig ?? {};
  if (!isObject(endpoints)) throw wrong('NetworkingConfig.EndpointsConfig', 'object');
  return {
    config: pick<ContainerConfigBody>(body, CONFIG, ''),
    hostConfig: pick<HostConfigBody>(HostConfig ?? {}, HOST, 'HostConfig.'),
    endpoints,
  };
}

function pick<T extends object>(source: object, table: Record<string, Kind>, prefix: string): T {
  const result: Record<string, unknown> = {};
  for (const [name, kind] of Object.entries(table)) {
    const value = (source as Record<string, unknown>)[name];
    if (value === undefined || value === null) continue;
    if (!CHECK[kind](value)) throw wrong(prefix + name, kind);
    result[name] = value;
  }
  return result as T;
}

const CHECK: Record<Kind, (value: unknown) => boolean> = {
  string: isString,
  boolean: (value) => typeof value === 'boolean',
  integer: (value) => Number.isSafeInteger(value),
  strings: (value) => Array.isArray(value) && value.every(isString),
  'text or strings': (value) => isString(value) || (Array.isArray(value) && value.every(isString)),
  'string map': (value) => isObject(value) && Object.values(value).every(isString),
  object: isObject,
  objects: (value) => Array.isArray(value) && value.every(isObject),
  list: (value) => Array.isArray(value),
};

/** A NUL would cut a string short on its way to the kernel. */
function isString(value: unknown): boolean {
  return typeof value === 'string' && !value.includes('\0');
}

function isObject(value: unknown): value is Record<string, never> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(name: string, kind: Kind) {
  return invalidArgument(`invalid JSON: ${name} must be ${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`);
}

// The shape of config.json, as the types of base/oci-runtime.ts have it. Data. runtime-spec 1.2 schema/config-schema.json

import {
  boolean,
  int32,
  int64,
  integer,
  list,
  object,
  oneOf,
  record,
  string,
  uint16,
  uint32,
  uint64,
} from './shape.ts';

/** A uid_t or gid_t; the last one means "none". */
const id = integer(0, 0xffff_fffe);
const strings = list(string);
const mapping = list(object({ 'containerID!': uint32, 'hostID!': uint32, 'size!': uint32 }));
const device = { 'major!': int64, 'minor!': int64 };
const throttle = list(object({ ...device, 'rate!': uint64 }));
const hooks = list(object({ 'path!': string, args: strings, env: strings, timeout: int64 }));

const user = object({ uid: id, gid: id, umask: integer(0, 0o777), additionalGids: list(id) });

const capabilities = object({
  bounding: strings,
  effective: strings,
  inheritable: strings,
  permitted: strings,
  ambient: strings,
});

const scheduler = object({
  policy: string,
  nice: int32,
  priority: int32,
  flags: strings,
  runtime: uint64,
  deadline: uint64,
  period: uint64,
});

export const processShape = object({
  terminal: boolean,
  consoleSize: object({ 'height!': uint16, 'width!': uint16 }),
  user,
  args: strings,
  env: strings,
  cwd: string,
  capabilities,
  rlimits: list(object({ 'type!': string, soft: integer(-1, 2 ** 64), hard: integer(-1, 2 ** 64) })),
  noNewPrivileges: boolean,
  apparmorProfile: string,
  oomScoreAdj: integer(-1000, 1000),
  selinuxLabel: string,
  ioPriority: object({ 'class!': string, priority: int32 }),
  scheduler,
  execCPUAffinity: object({ initial: string, final: string }),
});

const resources = object({
  devices: list(object({ allow: boolean, type: string, major: int64, minor: int64, access: string })),
  memory: object({
    limit: int64,
    reservation: int64,
    swap: int64,
    kernel: int64,
    kernelTCP: int64,
    swappiness: uint64,
    disableOOMKiller: boolean,
    useHierarchy: boolean,
    checkBeforeUpdate: boolean,
  }),
  cpu: object({
    shares: uint64,
    quota: int64,
    period: uint64,
    burst: uint64,
    realtimeRuntime: int64,
    realtimePeriod: uint64,
    cpus: string,
    mems: string,
    idle: int64,
  }),
  pids: object({ limit: int64 }),
  blockIO: object({
    weight: uint16,
    leafWeight: uint16,
    weightDevice: list(object({ ...device, weight: uint16, leafWeight: uint16 })),
    throttleReadBpsDevice: throttle,
    throttleWriteBpsDevice: throttle,
    throttleReadIOPSDevice: throttle,
    throttleWriteIOPSDevice: throttle,
  }),
  hugepageLimits: list(object({ 'pageSize!': string, 'limit!': uint64 })),
  network: object({ classID: uint32, priorities: list(object({ 'name!': string, 'priority!': uint32 })) }),
  rdma: record(object({ hcaHandles: uint32, hcaObjects: uint32 })),
  unified: record(string),
});

const seccomp = object({
  'defaultAction!': string,
  defaultErrnoRet: integer(0, 4095),
  architectures: strings,
  flags: strings,
  listenerPath: string,
  listenerMetadata: string,
  syscalls: list(
    object({
      'names!': strings,
      'action!': string,
      errnoRet: integer(0, 4095),
      args: list(object({ 'index!': integer(0, 5), 'value!': uint64, valueTwo: uint64, 'op!': string })),
    }),
  ),
});

const linux = object({
  uidMappings: mapping,
  gidMappings: mapping,
  namespaces: list(object({ 'type!': string, path: string })),
  devices: list(
    object({
      'type!': oneOf('c', 'b', 'u', 'p'),
      'path!': string,
      major: integer(0, 0xfff),
      minor: integer(0, 0xfffff),
      fileMode: integer(0, 0o177777),
      uid: id,
      gid: id,
    }),
  ),
  netDevices: record(object({ name: string })),
  cgroupsPath: string,
  resources,
  rootfsPropagation: string,
  seccomp,
  sysctl: record(string),
  maskedPaths: strings,
  readonlyPaths: strings,
  mountLabel: string,
  intelRdt: object({}),
  memoryPolicy: object({ 'mode!': string, nodes: string, flags: strings }),
  personality: object({ 'domain!': string, flags: strings }),
  timeOffsets: record(object({ secs: int64, nanosecs: integer(0, 999_999_999) })),
});

export const specShape = object({
  'ociVersion!': string,
  root: object({ 'path!': string, readonly: boolean }),
  mounts: list(
    object({
      'destination!': string,
      type: string,
      source: string,
      options: strings,
      uidMappings: mapping,
      gidMappings: mapping,
    }),
  ),
  process: processShape,
  hostname: string,
  domainname: string,
  hooks: object({
    prestart: hooks,
    createRuntime: hooks,
    createContainer: hooks,
    startContainer: hooks,
    poststart: hooks,
    poststop: hooks,
  }),
  annotations: record(string),
  linux,
});

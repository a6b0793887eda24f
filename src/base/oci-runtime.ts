// The OCI runtime specification's config.json (runtime-spec 1.2: config.md, config-linux.md) and state.json. Types only: what
// engine writes, what punnet-runc is handed, what src/runtime compiles into a plan.

/** Spelled as in namespaces(7), except `network` and `mount`. */
export type NamespaceType = 'mount' | 'pid' | 'network' | 'uts' | 'ipc' | 'user' | 'cgroup' | 'time';

export interface SpecNamespace {
  type: NamespaceType;
  /** Namespace file to join, `/proc/PID/ns/net`; absent: a new one. */
  path?: string;
}

export interface IdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

export interface SpecMount {
  /** absolute, inside the container */
  destination: string;
  /** filesystem type; `bind` for binds */
  type?: string;
  source?: string;
  /** fstab-style, with the specification's additions: `rbind`, `rro`, `rslave`, `tmpcopyup`… */
  options?: string[];
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
}

export interface SpecUser {
  uid: number;
  gid: number;
  /** octal 0022 when absent */
  umask?: number;
  additionalGids?: number[];
}

export interface SpecRlimit {
  /** `RLIMIT_NOFILE` */
  type: string;
  /** 2^64-1 (as a number that JSON rounds) and -1 mean unlimited */
  soft: number;
  hard: number;
}

export interface SpecCapabilities {
  bounding?: string[];
  permitted?: string[];
  effective?: string[];
  inheritable?: string[];
  ambient?: string[];
}

export interface SpecScheduler {
  policy: string;
  nice?: number;
  priority?: number;
  flags?: string[];
  /** nanoseconds */
  runtime?: number;
  deadline?: number;
  period?: number;
}

export interface SpecProcess {
  terminal?: boolean;
  consoleSize?: { height: number; width: number };
  user: SpecUser;
  args?: string[];
  env?: string[];
  cwd: string;
  capabilities?: SpecCapabilities;
  rlimits?: SpecRlimit[];
  noNewPrivileges?: boolean;
  apparmorProfile?: string;
  oomScoreAdj?: number;
  selinuxLabel?: string;
  ioPriority?: { class: string; priority?: number };
  scheduler?: SpecScheduler;
  execCPUAffinity?: { initial?: string; final?: string };
}

export interface SpecDevice {
  /** c (character), u (unbuffered, the same), b (block), p (fifo) */
  type: string;
  path: string;
  major?: number;
  minor?: number;
  fileMode?: number;
  uid?: number;
  gid?: number;
}

export interface SpecDeviceRule {
  allow: boolean;
  type?: string;
  major?: number;
  minor?: number;
  /** some of `rwm` */
  access?: string;
}

interface BlockDevice {
  major: number;
  minor: number;
}

export interface ThrottleDevice extends BlockDevice {
  /** bytes or operations per second */
  rate: number;
}

export interface SpecResources {
  devices?: SpecDeviceRule[];
  /** All in bytes; -1 is unlimited; `swap` counts memory and swap together. */
  memory?: {
    limit?: number;
    reservation?: number;
    swap?: number;
    kernel?: number;
    kernelTCP?: number;
    swappiness?: number;
    disableOOMKiller?: boolean;
    useHierarchy?: boolean;
    checkBeforeUpdate?: boolean;
  };
  cpu?: {
    /** 2…262144, cgroup v1's scale */
    shares?: number;
    /** microseconds; quota -1 is unlimited */
    quota?: number;
    period?: number;
    burst?: number;
    realtimeRuntime?: number;
    realtimePeriod?: number;
    /** lists as in cpuset(7): `0-2,7` */
    cpus?: string;
    mems?: string;
    idle?: number;
  };
  /** limit -1 is unlimited */
  pids?: { limit: number };
  blockIO?: {
    /** 10…1000 */
    weight?: number;
    leafWeight?: number;
    weightDevice?: (BlockDevice & { weight?: number; leafWeight?: number })[];
    throttleReadBpsDevice?: ThrottleDevice[];
    throttleWriteBpsDevice?: ThrottleDevice[];
    throttleReadIOPSDevice?: ThrottleDevice[];
    throttleWriteIOPSDevice?: ThrottleDevice[];
  };
  hugepageLimits?: { pageSize: string; limit: number }[];
  network?: { classID?: number; priorities?: { name: string; priority: number }[] };
  rdma?: Record<string, { hcaHandles?: number; hcaObjects?: number }>;
  /** cgroup v2 files by name, written as they are */
  unified?: Record<string, string>;
}

export type SeccompAction =
  | 'SCMP_ACT_KILL'
  | 'SCMP_ACT_KILL_PROCESS'
  | 'SCMP_ACT_KILL_THREAD'
  | 'SCMP_ACT_TRAP'
  | 'SCMP_ACT_ERRNO'
  | 'SCMP_ACT_TRACE'
  | 'SCMP_ACT_ALLOW'
  | 'SCMP_ACT_LOG'
  | 'SCMP_ACT_NOTIFY';

export type SeccompOperator =
  'SCMP_CMP_NE' | 'SCMP_CMP_LT' | 'SCMP_CMP_LE' | 'SCMP_CMP_EQ' | 'SCMP_CMP_GE' | 'SCMP_CMP_GT' | 'SCMP_CMP_MASKED_EQ';

export interface SeccompArg {
  /** 0…5 */
  index: number;
  value: number;
  /** SCMP_CMP_MASKED_EQ: `value` is the mask, `valueTwo` what remains */
  valueTwo?: number;
  op: SeccompOperator;
}

export interface SeccompSyscall {
  names: string[];
  action: SeccompAction;
  errnoRet?: number;
  args?: SeccompArg[];
}

export interface SpecSeccomp {
  defaultAction: SeccompAction;
  /** EPERM (1) when absent */
  defaultErrnoRet?: number;
  /** `SCMP_ARCH_X86_64` */
  architectures?: string[];
  flags?: string[];
  listenerPath?: string;
  listenerMetadata?: string;
  syscalls?: SeccompSyscall[];
}

export interface SpecLinux {
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
  namespaces?: SpecNamespace[];
  devices?: SpecDevice[];
  netDevices?: Record<string, { name?: string }>;
  cgroupsPath?: string;
  resources?: SpecResources;
  rootfsPropagation?: string;
  seccomp?: SpecSeccomp;
  /** `net.ipv4.ip_forward` → value */
  sysctl?: Record<string, string>;
  maskedPaths?: string[];
  readonlyPaths?: string[];
  mountLabel?: string;
  intelRdt?: object;
  memoryPolicy?: { mode: string; nodes?: string; flags?: string[] };
  personality?: { domain: string; flags?: string[] };
  timeOffsets?: Record<string, { secs?: number; nanosecs?: number }>;
}

export interface SpecHook {
  path: string;
  args?: string[];
  env?: string[];
  /** seconds */
  timeout?: number;
}

export interface SpecHooks {
  prestart?: SpecHook[];
  createRuntime?: SpecHook[];
  createContainer?: SpecHook[];
  startContainer?: SpecHook[];
  poststart?: SpecHook[];
  poststop?: SpecHook[];
}

/** A bundle's config.json. */
export interface Spec {
  ociVersion: string;
  root?: { path: string; readonly?: boolean };
  mounts?: SpecMount[];
  process?: SpecProcess;
  hostname?: string;
  domainname?: string;
  linux?: SpecLinux;
  hooks?: SpecHooks;
  annotations?: Record<string, string>;
}

/** What `state` answers and hooks read on stdin (runtime.md). */
export interface SpecState {
  ociVersion: string;
  id: string;
  status: 'creating' | 'created' | 'running' | 'stopped';
  pid?: number;
  bundle: string;
  annotations?: Record<string, string>;
}

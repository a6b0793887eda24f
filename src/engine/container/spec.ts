// What a client asked for → the OCI configuration of the container. Pure: facts of the host come in as data. The daemon
// calls it at start, as root of its user namespace. moby daemon/oci_linux.go, runtime-spec config.md

import type { ContainerConfigBody, HostConfigBody } from '../../api/types.ts';
import { invalidArgument, PunnetError } from '../../base/errors.ts';
import type { IdMapping, Spec, SpecMount, SpecNamespace, SpecProcess } from '../../base/oci-runtime.ts';
import { chooseCapabilities } from '../../runtime/capabilities.ts';
import {
  DEFAULT_PATH,
  DEFAULT_SHM_SIZE,
  defaultMounts,
  MASKED_PATHS,
  READONLY_PATHS,
} from '../../runtime/default-spec.ts';
import type { HostFacts } from '../../runtime/host-facts.ts';
import { resolveProfile, defaultProfile } from '../../runtime/seccomp.ts';
import { mergeMounts, userMounts, type BoundMount } from './spec-mounts.ts';
import { specResources, specRlimits, type DeviceNumbers } from './spec-resources.ts';
import { securityOptions, type SecurityOptions } from './spec-security.ts';
import { specSysctls } from './spec-sysctls.ts';

/** Of a container's record. */
export interface SpecRecord {
  id: string;
  /** entrypoint and command: the program, its arguments */
  path: string;
  args: string[];
  /** merged with the image's */
  config: ContainerConfigBody;
  hostConfig: HostConfigBody;
  mounts: readonly BoundMount[];
}

/** config.User and --group-add, looked up in the image's /etc/passwd and /etc/group (user.ts). */
export interface ContainerUser {
  uid: number;
  gid: number;
  additionalGids: number[];
  /** home directory: HOME when the environment has none */
  home: string;
}

export interface SpecInput {
  record: SpecRecord;
  user: ContainerUser;
  facts: HostFacts;
  /** host paths that appear as /etc/hostname, /etc/hosts, /etc/resolv.conf */
  files?: { hostname: string; hosts: string; resolvConf: string };
  /** program that is the container's init under --init; it is bound at /sbin/docker-init */
  init?: string;
  /** pid whose network namespace is shared */
  networkOf?: number;
  /** where the writable file system is mounted */
  rootfs: string;
  deviceNumbers?: DeviceNumbers;
}

const INIT = '/sbin/docker-init';
/** the group `tty` in every distribution */
const TTY_GID = 5;

/** @throws invalidArgument with Docker's text; notImplemented, naming the field */
export function containerSpec(input: SpecInput): Spec {
  const { record, facts } = input;
  const { config, hostConfig: host } = record;
  const security = securityOptions(host.SecurityOpt);
  const modes = modesOf(host, input.networkOf);
  const spec: Spec = {
    ociVersion: '1.2.0',
    root: { path: input.rootfs, readonly: host.ReadonlyRootfs ?? false },
    process: specProcess(input, security),
    mounts: specMounts(input, { modes, security }),
    linux: {
      namespaces: namespaces(modes),
      maskedPaths: host.Privileged ? [] : [...(host.MaskedPaths ?? MASKED_PATHS)],
      readonlyPaths: host.Privileged ? [] : [...(host.ReadonlyPaths ?? READONLY_PATHS)],
      resources: specResources(host, input.deviceNumbers ?? unknownDevice),
    },
  };
  const linux = spec.linux!;
  if (!modes.hostUts && config.Hostname) spec.hostname = config.Hostname;
  if (!modes.hostUts && config.Domainname) spec.domainname = config.Domainname;
  if (!modes.hostUser) {
    linux.uidMappings = facts.uidMap.map(identity);
    linux.gidMappings = facts.gidMap.map(identity);
  }
  linux.sysctl = specSysctls(host.Sysctls, { hostNetwork: modes.hostNetwork, gidMap: facts.gidMap });
  if (!host.Privileged && security.seccomp !== 'unconfined') {
    const profile = security.seccomp === 'default' ? defaultProfile() : security.seccomp;
    const capabilities = spec.process!.capabilities?.bounding ?? [];
    linux.seccomp = resolveProfile(profile, { capabilities, arch: facts.arch, kernel: facts.kernel });
  }
  return spec;
}

function specProcess({ record, user, facts, init }: SpecInput, security: SecurityOptions): SpecProcess {
  const { config, hostConfig: host } = record;
  const names = chooseCapabilities({ add: host.CapAdd, drop: host.CapDrop, privileged: host.Privileged });
  const args = [record.path, ...record.args];
  const process: SpecProcess = {
    terminal: config.Tty ?? false,
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: host.Init && init !== undefined ? [INIT, '--', ...args] : args,
    env: environment(config, user.home),
    cwd: config.WorkingDir || '/',
    // As execve would leave them: a user other than root starts without any. Inheritable stays empty (CVE-2022-24769).
    capabilities: user.uid === 0 ? { bounding: names, effective: names, permitted: names } : { bounding: names },
    noNewPrivileges: security.noNewPrivileges,
    rlimits: specRlimits(host.Ulimits),
  };
  // Rootless, it can only be raised.
  if (host.OomScoreAdj) process.oomScoreAdj = Math.max(host.OomScoreAdj, facts.oomScoreAdj);
  const [height = 0, width = 0] = host.ConsoleSize ?? [];
  if (config.Tty && height > 0 && width > 0) process.consoleSize = { height, width };
  return process;
}

/** Docker's variables, replaced by the container's own of the same name; HOME as the runtime adds it. */
function environment(config: ContainerConfigBody, home: string): string[] {
  const env = new Map<string, string>([['PATH', `PATH=${DEFAULT_PATH}`]]);
  if (config.Hostname) env.set('HOSTNAME', `HOSTNAME=${config.Hostname}`);
  if (config.Tty) env.set('TERM', 'TERM=xterm');
  // A name without `=` takes the default away.
  for (const entry of config.Env ?? []) {
    const name = entry.split('=', 1)[0]!;
    if (entry.includes('=')) env.set(name, entry);
    else env.delete(name);
  }
  if (!env.has('HOME')) env.set('HOME', `HOME=${home || '/'}`);
  return [...env.values()];
}

interface Modes {
  hostPid: boolean;
  hostNetwork: boolean;
  networkOf: number | undefined;
  hostIpc: boolean;
  noIpc: boolean;
  hostUts: boolean;
  hostUser: boolean;
  hostCgroup: boolean;
}

function modesOf(host: HostConfigBody, networkOf: number | undefined): Modes {
  const ipc = mode('--ipc', host.IpcMode, ['', 'private', 'shareable', 'none', 'host']);
  return {
    hostPid: mode('--pid', host.PidMode, ['', 'host']) === 'host',
    // Of the namespace of another container only that container's user namespace is the owner, who may mount its sysfs.
    hostNetwork: host.NetworkMode === 'host' || networkOf !== undefined,
    networkOf,
    hostIpc: ipc === 'host',
    noIpc: ipc === 'none',
    hostUts: mode('--uts', host.UTSMode, ['', 'host']) === 'host',
    hostUser: mode('--userns', host.UsernsMode, ['', 'host']) === 'host',
    hostCgroup: mode('--cgroupns', host.CgroupnsMode, ['', 'private', 'host']) === 'host',
  };
}

function mode(flag: string, value: string | undefined, known: readonly string[]): string {
  const text = value ?? '';
  if (known.includes(text)) return text;
  if (text.startsWith('container:')) throw new PunnetError('notImplemented', `${flag} ${text} is not supported`);
  throw invalidArgument(`${flag}: invalid mode: ${JSON.stringify(text)}`);
}

function namespaces(modes: Modes): SpecNamespace[] {
  const list: SpecNamespace[] = [{ type: 'mount' }];
  if (!modes.hostUser) list.push({ type: 'user' });
  if (!modes.hostPid) list.push({ type: 'pid' });
  if (modes.networkOf !== undefined) list.push({ type: 'network', path: `/proc/${modes.networkOf}/ns/net` });
  else if (!modes.hostNetwork) list.push({ type: 'network' });
  if (!modes.hostIpc) list.push({ type: 'ipc' });
  if (!modes.hostUts) list.push({ type: 'uts' });
  if (!modes.hostCgroup) list.push({ type: 'cgroup' });
  return list;
}

function specMounts(input: SpecInput, { modes, security }: { modes: Modes; security: SecurityOptions }): SpecMount[] {
  const { record, facts } = input;
  const host = record.hostConfig;
  const privileged = host.Privileged ?? false;
  const defaults = defaultMounts({
    ...modes,
    shmSize: host.ShmSize || DEFAULT_SHM_SIZE,
    ttyGid: isMapped(TTY_GID, facts.gidMap) ? TTY_GID : undefined,
    writableSys: privileged,
    writableCgroup: privileged || security.writableCgroups,
    hostMqueue: facts.mqueue,
  }).filter((mount) => !(modes.noIpc && mount.destination === '/dev/shm'));
  const user = userMounts(record.mounts, { host, extra: [...fileMounts(input), ...deviceMounts(input)] });
  return mergeMounts(defaults, user);
}

function fileMounts({ record, files, init }: SpecInput): SpecMount[] {
  const mounts: SpecMount[] = [];
  const options = ['rbind', 'rprivate', ...(record.hostConfig.ReadonlyRootfs ? ['ro'] : [])];
  if (files) {
    mounts.push({ destination: '/etc/resolv.conf', type: 'bind', source: files.resolvConf, options });
    mounts.push({ destination: '/etc/hostname', type: 'bind', source: files.hostname, options });
    mounts.push({ destination: '/etc/hosts', type: 'bind', source: files.hosts, options });
  }
  if (record.hostConfig.Init && init !== undefined) {
    mounts.push({ destination: INIT, type: 'bind', source: init, options: ['bind', 'rprivate', 'ro'] });
  }
  return mounts;
}

/** A user namespace may not mknod: the host's own nodes are bound. */
function deviceMounts({ record, facts }: SpecInput): SpecMount[] {
  const { Devices, Privileged } = record.hostConfig;
  const wanted = (Devices ?? []).map(({ PathOnHost, PathInContainer }) => [PathOnHost, PathInContainer || PathOnHost]);
  const all = Privileged ? facts.devices.map((path) => [path, path]) : [];
  const byDestination = new Map([...all, ...wanted].map(([source, destination]) => [destination!, source!]));
  return [...byDestination].map(([destination, source]) => {
    return { destination, type: 'bind', source, options: ['rbind', 'rprivate', 'nosuid', 'noexec'] };
  });
}

/* A line of a map lies within one line of the parent's: so the daemon's lines are repeated. user_namespaces(7) */
function identity(line: IdMapping): IdMapping {
  return { containerID: line.containerID, hostID: line.containerID, size: line.size };
}

function isMapped(id: number, map: readonly IdMapping[]): boolean {
  return map.some(({ containerID, size }) => id >= containerID && id < containerID + size);
}

function unknownDevice(path: string): never {
  throw invalidArgument(`io limits for ${path}: no device numbers were given`);
}

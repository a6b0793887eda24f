// version, info, disk usage and check: what the daemon says of itself and its host. Runs in the daemon.
// Docker Engine API: SystemVersion, SystemInfo, SystemDataUsage.

import { existsSync, readFileSync } from 'node:fs';
import { arch, availableParallelism, hostname, release, totalmem, version as kernelBuild } from 'node:os';
import type { SystemBackend } from '../api/backend.ts';
import type { Filters } from '../api/types.ts';
import type { Room } from './container/room.ts';
import { nowNanoseconds, rfc3339 } from './clock.ts';

const API_VERSION = '1.51';
const MIN_API_VERSION = '1.24';

export interface SystemParts {
  room: Room;
  version: string;
  /** data directory */
  root: string;
  images: {
    readonly count: number;
    usage(): { LayersSize: number; Images: object[] };
    check(): Promise<Findings>;
  };
  volumes: { usage(): object[]; readonly count: number; readonly problems: string[] };
  layers: {
    check(): { object: string; problem: string; fix: string }[];
    list(): unknown[];
  };
}

/** One line per problem; how many objects of each kind were looked at. */
export interface Findings {
  problems: string[];
  checked: Record<string, number>;
}

export class System implements SystemBackend {
  readonly #parts: SystemParts;
  readonly #started = rfc3339(nowNanoseconds());

  constructor(parts: SystemParts) {
    this.#parts = parts;
  }

  version(): Promise<object> {
    const { version } = this.#parts;
    const details = {
      ApiVersion: API_VERSION,
      Arch: goArch(),
      BuildTime: this.#started,
      Experimental: 'false',
      GitCommit: '',
      GoVersion: '',
      KernelVersion: release(),
      MinAPIVersion: MIN_API_VERSION,
      NodeVersion: process.version,
      Os: 'linux',
    };
    return Promise.resolve({
      Platform: { Name: 'punnet' },
      Components: [{ Name: 'Engine', Version: version, Details: details }],
      Version: version,
      ApiVersion: API_VERSION,
      MinAPIVersion: MIN_API_VERSION,
      GitCommit: '',
      GoVersion: '',
      Os: 'linux',
      Arch: goArch(),
      KernelVersion: release(),
      BuildTime: '',
    });
  }

  info(): Promise<object> {
    const { room, version, root, images } = this.#parts;
    const containers = room.store.all();
    const running = containers.filter((container) => container.running).length;
    const limits = room.launcher.limits();
    return Promise.resolve({
      ID: '',
      Containers: containers.length,
      ContainersRunning: running,
      ContainersPaused: 0,
      ContainersStopped: containers.length - running,
      Images: images.count,
      Driver: 'overlay2',
      DriverStatus: [
        ['Supports d_type', 'true'],
        ['userxattr', 'true'],
      ],
      Plugins: {
        Volume: ['local'],
        Network: ['bridge', 'host', 'macvlan', 'null'],
        Authorization: null,
        Log: ['json-file', 'local', 'none'],
      },
      MemoryLimit: limits.memory,
      SwapLimit: limits.swap,
      CpuCfsPeriod: limits.cpuCfs,
      CpuCfsQuota: limits.cpuCfs,
      CPUShares: limits.cpuShares,
      CPUSet: limits.cpuset,
      PidsLimit: limits.pids,
      IPv4Forwarding: readText('/proc/sys/net/ipv4/ip_forward').trim() === '1',
      Debug: false,
      NFd: 0,
      OomKillDisable: false,
      NGoroutines: 0,
      SystemTime: rfc3339(nowNanoseconds()),
      LoggingDriver: 'json-file',
      CgroupDriver: limits.pids || limits.memory ? 'cgroupfs' : 'none',
      CgroupVersion: '2',
      NEventsListener: 0,
      KernelVersion: release(),
      OperatingSystem: operatingSystem(),
      OSVersion: osRelease('VERSION_ID'),
      OSType: 'linux',
      Architecture: arch() === 'x64' ? 'x86_64' : arch() === 'arm64' ? 'aarch64' : arch(),
      IndexServerAddress: 'https://index.docker.io/v1/',
      RegistryConfig: {
        IndexConfigs: {
          'docker.io': { Mirrors: [], Name: 'docker.io', Official: true, Secure: true },
        },
        InsecureRegistryCIDRs: ['::1/128', '127.0.0.0/8'],
        Mirrors: null,
      },
      NCPU: availableParallelism(),
      MemTotal: totalmem(),
      GenericResources: null,
      DockerRootDir: root,
      HttpProxy: '',
      HttpsProxy: '',
      NoProxy: '',
      Name: hostname(),
      Labels: [],
      ExperimentalBuild: false,
      ServerVersion: version,
      Runtimes: { punnet: { path: room.shims.program } },
      DefaultRuntime: 'punnet',
      Swarm: {
        NodeID: '',
        NodeAddr: '',
        LocalNodeState: 'inactive',
        ControlAvailable: false,
        Error: '',
        RemoteManagers: null,
      },
      LiveRestoreEnabled: true,
      Isolation: '',
      InitBinary: 'docker-init',
      ContainerdCommit: { ID: '' },
      RuncCommit: { ID: '' },
      InitCommit: { ID: '' },
      SecurityOptions: ['name=seccomp,profile=builtin', 'name=rootless', 'name=cgroupns', 'name=userns'],
      CDISpecDirs: [],
      Warnings: warnings(limits),
    });
  }

  events(options: {
    since?: number;
    until?: number;
    filters: Filters;
    signal: AbortSignal;
    emit(event: object): void;
  }): Promise<void> {
    return this.#parts.room.events.stream(options);
  }

  async diskUsage(): Promise<object> {
    const { room, images, volumes } = this.#parts;
    const containers = await Promise.all(
      room.store.all().map(async ({ record, state, running }) => {
        const usage = room.snapshots.usage(record.id, record.diffIDs);
        return {
          Id: record.id,
          Names: [`/${record.name}`],
          Image: record.config.Image,
          ImageID: record.imageId,
          Command: [record.path, ...record.args].join(' '),
          Created: Math.floor(Date.parse(record.created) / 1000),
          SizeRw: usage.writable,
          SizeRootFs: usage.writable + usage.image,
          State: running ? 'running' : state.status,
          Status: '',
          Labels: record.config.Labels ?? {},
          Mounts: record.mounts,
        };
      }),
    );
    return { ...images.usage(), Containers: containers, Volumes: volumes.usage(), BuildCache: [] };
  }

  async check(): Promise<{ Problems: string[]; Checked: Record<string, number> }> {
    const { room, images, layers, volumes } = this.#parts;
    const found = await images.check();
    const ofLayers = layers.check().map(({ object, problem, fix }) => `snapshot ${object}: ${problem} (${fix})`);
    return {
      Problems: [...found.problems, ...ofLayers, ...volumes.problems, ...room.problems],
      Checked: { ...found.checked, layers: layers.list().length, volumes: volumes.count, containers: room.store.size },
    };
  }
}

/** Docker's list, from what cannot be limited. */
function warnings(limits: ReturnType<Room['launcher']['limits']>): string[] {
  const missing: [boolean, string][] = [
    [limits.memory, 'WARNING: No memory limit support'],
    [limits.swap, 'WARNING: No swap limit support'],
    [limits.cpuCfs, 'WARNING: No cpu cfs quota support'],
    [limits.cpuCfs, 'WARNING: No cpu cfs period support'],
    [limits.cpuShares, 'WARNING: No cpu shares support'],
    [limits.cpuset, 'WARNING: No cpuset support'],
    [limits.pids, 'WARNING: No pids limit support'],
    [limits.blkioThrottle, 'WARNING: No io.max (rbps) support'],
  ];
  return missing.filter(([supported]) => !supported).map(([, text]) => text);
}

function goArch(): string {
  return { x64: 'amd64', arm64: 'arm64', arm: 'arm', ia32: '386' }[arch() as string] ?? arch();
}

function operatingSystem(): string {
  return osRelease('PRETTY_NAME') || kernelBuild();
}

function osRelease(key: string): string {
  const line = readText('/etc/os-release')
    .split('\n')
    .find((text) => text.startsWith(`${key}=`));
  return line === undefined ? '' : line.slice(key.length + 1).replace(/^"(.*)"$/, '$1');
}

function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

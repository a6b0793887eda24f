// What Docker gives every container: mounts, masked and read-only paths. Data. moby daemon/pkg/oci/defaults.go

import type { SpecMount } from '../base/oci-runtime.ts';

export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export const MASKED_PATHS: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];

export const READONLY_PATHS: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

/** bytes of /dev/shm */
export const DEFAULT_SHM_SIZE = 64 * 1024 * 1024;

export interface MountChoice {
  /** bytes of /dev/shm */
  shmSize: number;
  /** gid of the terminals: tty's where that group is mapped */
  ttyGid: number | undefined;
  /** /sys and the cgroup tree writable, as in --privileged */
  writableSys: boolean;
  writableCgroup: boolean;
  /** namespaces that the container shares with the host: their filesystems cannot be mounted anew, only bound */
  hostPid: boolean;
  hostNetwork: boolean;
  hostIpc: boolean;
  hostCgroup: boolean;
  /** the host has /dev/mqueue */
  hostMqueue: boolean;
}

/** Docker's mounts. A filesystem of a namespace mounts only for the user namespace that owns it: else the host's is bound. */
export function defaultMounts(choice: MountChoice): SpecMount[] {
  const tty = choice.ttyGid === undefined ? [] : [`gid=${choice.ttyGid}`];
  const sys = choice.writableSys ? [] : ['ro'];
  const deepSys = choice.writableSys ? [] : ['rro'];
  const cgroup = choice.writableCgroup ? [] : ['ro'];
  const quiet = ['nosuid', 'noexec', 'nodev'];
  const mounts: SpecMount[] = [
    choice.hostPid
      ? { destination: '/proc', type: 'bind', source: '/proc', options: ['rbind', 'rprivate', ...quiet] }
      : { destination: '/proc', type: 'proc', source: 'proc', options: quiet },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', ...tty],
    },
    choice.hostNetwork
      ? { destination: '/sys', type: 'bind', source: '/sys', options: ['rbind', 'rprivate', ...quiet, ...deepSys] }
      : { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...quiet, ...sys] },
    choice.hostCgroup
      ? {
          destination: '/sys/fs/cgroup',
          type: 'bind',
          source: '/sys/fs/cgroup',
          options: ['rbind', 'rprivate', ...quiet, ...(choice.writableCgroup ? [] : ['rro'])],
        }
      : { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: [...quiet, ...cgroup] },
  ];
  if (!choice.hostIpc) {
    mounts.push({ destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: quiet });
  } else if (choice.hostMqueue) {
    mounts.push({ destination: '/dev/mqueue', type: 'bind', source: '/dev/mqueue', options: ['rbind', 'rprivate'] });
  }
  mounts.push(
    choice.hostIpc
      ? { destination: '/dev/shm', type: 'bind', source: '/dev/shm', options: ['rbind', 'rprivate'] }
      : {
          destination: '/dev/shm',
          type: 'tmpfs',
          source: 'shm',
          options: [...quiet, 'mode=1777', `size=${choice.shmSize}`],
        },
  );
  return mounts;
}

// punnet-runc spec: a config.json to start from, runc's own: few capabilities, no network, a read-only root.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { conflict } from '../../base/errors.ts';
import type { Spec, SpecMount } from '../../base/oci-runtime.ts';
import { MASKED_PATHS, READONLY_PATHS } from '../default-spec.ts';
import type { Call } from './commands.ts';
import { SPECIFICATION } from './main.ts';

export function spec({ flags }: Call): number {
  const path = join(flags.text('bundle') ?? '.', 'config.json');
  if (existsSync(path)) throw conflict(`File ${path} exists. Remove it first`);
  const config = flags.bool('rootless') ? rootless(startingPoint()) : startingPoint();
  writeFileSync(path, `${JSON.stringify(config, null, '\t')}\n`, { mode: 0o666 });
  return 0;
}

const CAPABILITIES = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];
const QUIET = ['nosuid', 'noexec', 'nodev'];
const TTY = 'gid=5';

const MOUNTS: readonly SpecMount[] = [
  { destination: '/proc', type: 'proc', source: 'proc' },
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
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', TTY],
  },
  { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: [...QUIET, 'mode=1777', 'size=65536k'] },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: QUIET },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...QUIET, 'ro'] },
  { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: [...QUIET, 'relatime', 'ro'] },
];

function startingPoint(): Spec {
  return {
    ociVersion: SPECIFICATION,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ['sh'],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
      cwd: '/',
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'punnet-runc',
    mounts: [...MOUNTS],
    linux: {
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      namespaces: [
        { type: 'pid' },
        { type: 'network' },
        { type: 'ipc' },
        { type: 'uts' },
        { type: 'mount' },
        { type: 'cgroup' },
      ],
      maskedPaths: [...MASKED_PATHS],
      readonlyPaths: [...READONLY_PATHS],
    },
  };
}

/* The user's own id as root, no devices' rules, no group that is not mapped. */
function rootless(config: Spec): Spec {
  const map = (hostID: number) => [{ containerID: 0, hostID, size: 1 }];
  const linux = { ...config.linux! };
  delete linux.resources;
  return {
    ...config,
    mounts: config.mounts!.map((mount) => ({ ...mount, options: mount.options?.filter((option) => option !== TTY) })),
    linux: {
      ...linux,
      uidMappings: map(process.geteuid!()),
      gidMappings: map(process.getegid!()),
      namespaces: [...linux.namespaces!, { type: 'user' }],
    },
  };
}

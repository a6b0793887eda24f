// A bundle on disk for the tests of what punnet-runc is handed: a root filesystem of Debian's static busybox and the
// config.json that `runc spec` writes, run as root or, where the tests run as root, as their unprivileged user.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import type { IdMapping, Spec } from '../../src/base/oci-runtime.ts';
import { mknodat } from '../../src/native/addon.ts';
import { AT_FDCWD, S_IFIFO } from '../../src/native/constants.ts';
import type { CompileOptions } from '../../src/runtime/compile.ts';
import { MASKED_PATHS, READONLY_PATHS } from '../../src/runtime/default-spec.ts';
import { need, PROJECT } from '../support/need.ts';
import { run, which } from '../support/process.ts';
import { testUser } from '../support/user.ts';

const BUSYBOX = which('busybox');
const CAPS = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];
const QUIET = ['nosuid', 'noexec', 'nodev'];

export type Who = 'root' | 'user';

/** Why bundles cannot be run so here, or undefined. */
export function unmet(who: Who): string | undefined {
  if (!BUSYBOX) return 'busybox is not installed (apt-get install busybox-static)';
  return who === 'root' ? need('root') : need('subids');
}

/** What `runc spec` writes, without a terminal. */
export function runcSpec(args: string[]): Spec {
  return {
    ociVersion: '1.2.0',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args,
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
      cwd: '/',
      capabilities: { bounding: CAPS, effective: CAPS, permitted: CAPS, ambient: CAPS },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'runc',
    mounts: [
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
        options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
      },
      {
        destination: '/dev/shm',
        type: 'tmpfs',
        source: 'shm',
        options: [...QUIET, 'mode=1777', 'size=65536k'],
      },
      { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: QUIET },
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...QUIET, 'ro'] },
      {
        destination: '/sys/fs/cgroup',
        type: 'cgroup',
        source: 'cgroup',
        options: [...QUIET, 'relatime', 'ro'],
      },
    ],
    linux: {
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      namespaces: [{ type: 'pid' }, { type: 'network' }, { type: 'ipc' }, { type: 'uts' }, { type: 'mount' }],
      maskedPaths: [...MASKED_PATHS],
      readonlyPaths: [...READONLY_PATHS],
    },
  };
}

const mapping = (hostID: number): IdMapping[] => [{ containerID: 0, hostID, size: 1 }];

/** What `runc spec --rootless` changes in it. */
export function makeRootless(spec: Spec, { uid, gid }: { uid: number; gid: number }): void {
  const linux = spec.linux!;
  linux.namespaces = [...linux.namespaces!.filter(({ type }) => type !== 'network'), { type: 'user' }];
  linux.uidMappings = mapping(uid);
  linux.gidMappings = mapping(gid);
  delete linux.resources;
  spec.mounts = spec.mounts!.map((mount) => {
    if (mount.destination === '/sys') {
      return { destination: '/sys', type: 'none', source: '/sys', options: ['rbind', ...QUIET, 'ro'] };
    }
    return { ...mount, ...(mount.options ? { options: mount.options.filter((o) => !o.startsWith('gid=')) } : {}) };
  });
}

export interface Bundle {
  directory: string;
  rootfs: string;
  who: Who;
  ids: { uid: number; gid: number };
  /** gives `path`, and what is below it, to who runs the bundle */
  own(path: string): void;
  remove(): void;
}

/** Lays out a bundle; its directory can be reached by everyone. */
export function makeBundle(who: Who): Bundle {
  const directory = mkdtempSync(join(tmpdir(), 'punnet-bundle-'));
  chmodSync(directory, 0o755);
  const rootfs = join(directory, 'rootfs');
  for (const name of ['bin', 'etc', 'root', 'tmp', 'proc', 'sys', 'dev']) {
    mkdirSync(join(rootfs, name), { recursive: true });
  }
  copyFileSync(BUSYBOX!, join(rootfs, 'bin/busybox'));
  for (const applet of execFileSync(BUSYBOX!, ['--list'], { encoding: 'utf8' }).trim().split('\n')) {
    if (applet !== 'busybox') symlinkSync('busybox', join(rootfs, 'bin', applet));
  }
  writeFileSync(join(rootfs, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  buildSync({
    entryPoints: [join(PROJECT, 'test/runtime/run-bundle.ts')],
    outfile: join(directory, 'run-bundle.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logOverride: { 'empty-import-meta': 'silent' },
  });
  for (const name of ['punnet.node', 'punnet-shim']) {
    copyFileSync(join(PROJECT, 'build/Release', name), join(directory, name));
  }
  const ids =
    who === 'user' && process.getuid!() === 0 ? testUser() : { uid: process.getuid!(), gid: process.getgid!() };
  const own = (path: string) => void execFileSync('chown', ['-R', `${ids.uid}:${ids.gid}`, path]);
  own(directory);
  return {
    directory,
    rootfs,
    who,
    ids: { uid: ids.uid, gid: ids.gid },
    own,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

export interface Ran {
  stdout: string;
  stderr: string;
  /** the container's exit code */
  code?: number;
  /** what the compiler or the walker said */
  error?: string;
}

export interface Wanted {
  edit?(spec: Spec): void;
  options?: Partial<CompileOptions>;
  stdin?: string;
  /** held by a fifo and started through it, as create and start do */
  fifo?: boolean;
  /** a command before the one that runs the bundle */
  around?: string[];
}

/** Runs `sh -c script` in the bundle to its end. */
export async function runBundle(bundle: Bundle, script: string, wanted: Wanted = {}): Promise<Ran> {
  const { edit, options = {}, stdin, fifo, around = [] } = wanted;
  const { directory, ids, who } = bundle;
  const spec = runcSpec(['sh', '-c', script]);
  if (who === 'user') makeRootless(spec, ids);
  edit?.(spec);
  writeFileSync(join(directory, 'config.json'), JSON.stringify(spec));
  const path = join(directory, 'fifo');
  if (fifo) {
    rmSync(path, { force: true });
    mknodat(AT_FDCWD, path, S_IFIFO | 0o600, 0);
    bundle.own(path);
  }
  rmSync(join(directory, 'result.json'), { force: true });
  const all = JSON.stringify({ ...options, ...(fifo ? { startFifo: path } : {}) });
  const [program, ...args] = [...around, process.execPath, 'run-bundle.cjs', all];
  const outcome = await run(program!, args, {
    cwd: directory,
    env: { ...process.env, PUNNET_NATIVE: directory },
    ...(process.getuid!() === 0 ? ids : {}),
    ...(stdin === undefined ? {} : { stdin }),
  });
  if (outcome.code !== 0) throw new Error(`run-bundle: exit ${outcome.code}\n${outcome.stderr}`);
  const { code, error } = JSON.parse(readFileSync(join(directory, 'result.json'), 'utf8')) as Ran;
  const { stdout, stderr } = outcome;
  return { stdout, stderr, ...(code === undefined ? {} : { code }), ...(error === undefined ? {} : { error }) };
}

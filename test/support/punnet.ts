// A punnet daemon of a test's own: own data, own runtime directory, run by the user of the tests or, from root's tests, also
// by an unprivileged one. The daemon starts as users start it, by the first command.

import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { Engine, type EngineSpec } from './engine.ts';
import { isRoot, need, PROJECT } from './need.ts';
import { until } from './until.ts';
import { testUser } from './user.ts';

export interface Punnet {
  engine: Engine;
  /** data directory */
  root: string;
  /** runtime directory */
  run: string;
  /** the daemon's pid on the host */
  daemonPid(): number;
  /** SIGKILL to the daemon alone; resolves when it is gone */
  killDaemon(): Promise<void>;
  /** Removes all containers, ends the daemon and its namespaces, removes its files. */
  stop(): Promise<void>;
}

export interface PunnetOptions {
  /** an existing directory; `as` must be able to enter it */
  home: string;
  as: 'user' | 'root';
  /** data directory; below `home` unless given */
  root?: string;
  /** runtime directory; below `home` unless given */
  run?: string;
  env?: Record<string, string>;
}

/** Why punnet cannot be run as this user here, or undefined. */
export function missingPunnet(as: 'user' | 'root'): string | undefined {
  if (as === 'root' && !isRoot) return 'needs root';
  return need('built') ?? (isRoot ? undefined : need('subids'));
}

/** How `as` runs punnet with its files in `home`. Starts nothing. */
export function punnetSpec(options: PunnetOptions): EngineSpec {
  const { home, as } = options;
  const user = as === 'user' && isRoot ? testUser() : undefined;
  const directory = options.run ?? join(home, 'run');
  const socket = join(directory, 'punnet.sock');
  return {
    label: `punnet as ${as}`,
    kind: 'punnet',
    client: 'punnet',
    program: join(PROJECT, 'bin/punnet'),
    prefix: [],
    socket,
    home,
    rootless: true,
    ...(user && { uid: user.uid, gid: user.gid }),
    hostRoot: user?.uid ?? process.getuid!(),
    env: {
      ...environment(home, socket),
      USER: user?.name ?? userInfo().username,
      PUNNET_ROOT: options.root ?? join(home, 'data'),
      PUNNET_RUN: directory,
      PUNNET_IDLE: '0',
      ...options.env,
    },
  };
}

/** Environment of a client: nothing of the person who runs the tests but PATH. */
export function environment(home: string, socket: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: home,
    TERM: 'xterm',
    LANG: 'C.UTF-8',
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_CONFIG: join(home, '.docker'),
  };
}

/** Starts a daemon and waits until it answers. @throws Error with what it said */
export async function startPunnet(options: PunnetOptions): Promise<Punnet> {
  const spec = punnetSpec(options);
  mkdirSync(spec.home, { recursive: true });
  chmodSync(spec.home, 0o755);
  if (spec.uid !== undefined) chownSync(spec.home, spec.uid, spec.gid!);
  const engine = new Engine(spec);
  const root = spec.env.PUNNET_ROOT!;
  const daemonPid = () => (JSON.parse(readFileSync(join(root, 'lock'), 'utf8')) as { pid: number }).pid;
  const started = await engine.cli(['version'], { timeout: 60_000 });
  if (started.code !== 0)
    throw new Error(`${spec.label}: the daemon does not start\n${started.stdout}${started.stderr}`);
  return {
    engine,
    root,
    run: spec.env.PUNNET_RUN!,
    daemonPid,
    async killDaemon() {
      const pid = daemonPid();
      process.kill(pid, 'SIGKILL');
      await until('the daemon is gone', () => !existsSync(`/proc/${pid}`) || isZombie(pid));
    },
    async stop() {
      const ids = (await engine.cli(['ps', '-aq'])).stdout.split('\n').filter(Boolean);
      if (ids.length > 0) await engine.cli(['rm', '-f', ...ids], { timeout: 120_000 });
      await engine.cli(['system', 'stop'], { timeout: 60_000 });
      removeTree(spec.home);
      for (const other of [options.root, options.run]) if (other) removeTree(other);
    },
  };
}

function isZombie(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .startsWith('Z');
  } catch {
    return true;
  }
}

/** Removes what subordinate ids own: root may, a user goes into a namespace that maps them. */
function removeTree(directory: string): void {
  if (isRoot) rmSync(directory, { recursive: true, force: true });
  else
    execFileSync('unshare', ['--user', '--map-auto', '--map-root-user', 'rm', '-rf', directory], { stdio: 'ignore' });
}

export interface Remains {
  /** command lines of processes that belong to this daemon's containers */
  processes: string[];
  /** entries of the directories that exist once per container */
  entries: string[];
  /** lines of the daemon's own mount table that name its directories */
  mounts: number;
}

/** What containers of this daemon have left on the host. `marker`: a word of their command lines that nobody else has. */
export function remains(punnet: Punnet, marker: string): Remains {
  const processes: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const line = commandLine(pid);
    const ours = line.includes(marker) || (line.includes('punnet-shim') && line.includes(punnet.root));
    if (ours && !isZombie(Number(pid)) && Number(pid) !== process.pid) processes.push(`${pid} ${line}`);
  }
  const entries = ['container', 'snapshot/active'].flatMap((name) =>
    list(join(punnet.root, name)).map((entry) => `${name}/${entry}`),
  );
  entries.push(...list(join(punnet.run, 'shim')).map((entry) => `shim/${entry}`));
  return {
    processes,
    entries,
    mounts: readFileSync(`/proc/${punnet.daemonPid()}/mountinfo`, 'utf8')
      .split('\n')
      .filter((line) => line.includes(punnet.engine.spec.home)).length,
  };
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

/** Entries of a directory; those of a subordinate id's directory are listed inside the namespace. */
function list(directory: string): string[] {
  if (!existsSync(directory)) return [];
  try {
    return readdirSync(directory);
  } catch {
    const text = execFileSync('unshare', ['--user', '--map-auto', '--map-root-user', 'ls', '-A', directory], {
      encoding: 'utf8',
    });
    return text.split('\n').filter(Boolean);
  }
}

/** Cgroups of these containers, which must be named by whole ids: other daemons of this machine have theirs in the same tree. */
export function cgroupsOf(ids: string[]): string[] {
  const wanted = new Set(ids);
  const found: string[] = [];
  const walk = (directory: string) => {
    for (const child of childrenOf(directory)) {
      if (wanted.has(child)) found.push(join(directory, child));
      walk(join(directory, child));
    }
  };
  walk('/sys/fs/cgroup');
  return found;
}

/** None of a cgroup that was removed meanwhile: others' come and go. */
function childrenOf(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ENODEV')
      return [];
    throw error;
  }
}

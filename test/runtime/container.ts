// A real container for the tests of this room: HostConfig → spec → plan → shim → kernel, as an unprivileged user in a user
// namespace with subordinate ids (unshare(1) stands in for the holder), on an overlay over Debian's static busybox.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerConfigBody, HostConfigBody } from '../../src/api/types.ts';
import type { Spec, SpecProcess } from '../../src/base/oci-runtime.ts';
import { containerSpec } from '../../src/engine/container/spec.ts';
import type { BoundMount } from '../../src/engine/container/spec-mounts.ts';
import { shimPath } from '../../src/native/addon.ts';
import type { Plan } from '../../src/native/ops.ts';
import { encodePlan, planError } from '../../src/native/plan.ts';
import { bindFiles } from '../../src/runtime/bind-files.ts';
import { compilePlan, type CompileOptions } from '../../src/runtime/compile.ts';
import { compileJoin, type JoinOptions } from '../../src/runtime/compile-join.ts';
import { parseIdMap, readHostFacts, type HostFacts } from '../../src/runtime/host-facts.ts';
import { seccompFilter } from '../../src/runtime/seccomp-filter.ts';
import { Conversation } from '../native/container.ts';
import { need } from '../support/need.ts';
import { which } from '../support/process.ts';
import { testUser } from '../support/user.ts';

const BUSYBOX = which('busybox');

/** Why these tests cannot run here, or undefined. */
export const unmet =
  need('subids') ??
  (BUSYBOX ? undefined : 'busybox is not installed (apt-get install busybox-static)') ??
  (which('unshare') ? undefined : 'unshare is not installed');

/** unshare(1)'s options: the namespaces that the daemon would be in. */
const ROOTLESS = ['--map-root-user', '--map-auto', '--mount'];
const AS_ROOT = ['--mount'];

export interface Host {
  directory: string;
  facts: HostFacts;
  namespaces: string[];
  /** for spawn: the unprivileged user, when the tests run as root */
  ids: { uid?: number; gid?: number };
  remove(): void;
}

/**
 * Lays out an image directory and finds the ids that containers can have.
 * @param asRoot without a user namespace around the shim: in a virtual machine, where there is no user to be
 */
export function makeHost({ asRoot = false } = {}): Host {
  const namespaces = asRoot ? AS_ROOT : ROOTLESS;
  const directory = mkdtempSync(join(tmpdir(), 'punnet-runtime-'));
  chmodSync(directory, 0o755);
  const image = join(directory, 'image');
  for (const name of ['bin', 'etc', 'root', 'tmp', 'proc', 'var']) mkdirSync(join(image, name), { recursive: true });
  copyFileSync(BUSYBOX!, join(image, 'bin/busybox'));
  const applets = execFileSync(BUSYBOX!, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  for (const applet of applets) if (applet !== 'busybox') symlinkSync('busybox', join(image, 'bin', applet));
  writeFileSync(join(image, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n');
  chmodSync(join(image, 'root'), 0o700);
  chmodSync(join(image, 'tmp'), 0o1777);
  copyFileSync(shimPath(), join(directory, 'punnet-shim'));
  chmodSync(join(directory, 'punnet-shim'), 0o755);
  const user = process.getuid!() === 0 && !asRoot ? testUser() : undefined;
  if (user) execFileSync('chown', ['-R', `${user.uid}:${user.gid}`, directory]);
  const ids = user ? { uid: user.uid, gid: user.gid } : {};
  const inside = (program: string, args: string[]) =>
    execFileSync('unshare', [...namespaces, program, ...args], { ...ids, encoding: 'utf8', cwd: '/' });
  const facts: HostFacts = {
    ...readHostFacts(),
    uidMap: parseIdMap(inside('cat', ['/proc/self/uid_map'])),
    gidMap: parseIdMap(inside('cat', ['/proc/self/gid_map'])),
  };
  return { directory, facts, namespaces, ids, remove: () => void inside('rm', ['-rf', directory]) };
}

export interface Wanted {
  config?: ContainerConfigBody;
  host?: HostConfigBody;
  mounts?: BoundMount[];
  user?: { uid: number; gid: number; additionalGids?: number[] };
  /** changes the specification before it is compiled */
  edit?(spec: Spec): void;
  /** parts of the compiler's options */
  options?: Partial<CompileOptions>;
  stdin?: string;
}

export interface Ended {
  stdout: string;
  stderr: string;
  code: number;
  signal: number;
  /** the op that failed, as users read it */
  failed?: string;
}

export interface Running {
  control: Conversation;
  spec: Spec;
  /** of init, on the host */
  pid: number;
  shim: ChildProcess;
  ended: Promise<Ended>;
}

let count = 0;

/** The plan of `sh -c script`, and the directory it will run in. */
export function planOf(host: Host, argv: string[], wanted: Wanted = {}): { plan: Plan; spec: Spec; directory: string } {
  const id = String(++count).padStart(64, 'c');
  const directory = join(host.directory, `container-${count}`);
  for (const name of ['upper', 'work', 'rootfs']) mkdirSync(join(directory, name), { recursive: true });
  chmodSync(join(directory, 'upper'), 0o755);
  if (host.ids.uid !== undefined) execFileSync('chown', ['-R', `${host.ids.uid}:${host.ids.gid}`, directory]);
  const [path = 'sh', ...args] = argv;
  const rootfs = join(directory, 'rootfs');
  const spec = containerSpec({
    record: {
      id,
      path,
      args,
      config: { Hostname: 'box', ...wanted.config },
      hostConfig: { NetworkMode: 'none', ...wanted.host },
      mounts: wanted.mounts ?? [],
    },
    user: { additionalGids: [], home: '/root', ...(wanted.user ?? { uid: 0, gid: 0 }) },
    facts: host.facts,
    init: join(host.directory, 'punnet-shim'),
    rootfs,
  });
  wanted.edit?.(spec);
  const overlay = {
    source: 'overlay',
    target: rootfs,
    type: 'overlay',
    options: ['lowerdir=../image', 'upperdir=upper', 'workdir=work', 'userxattr'],
    cwd: directory,
  };
  const seccomp = spec.linux?.seccomp ? seccompFilter(spec.linux.seccomp) : undefined;
  const plan = compilePlan(spec, {
    rootfs,
    rootMounts: [overlay],
    files: bindFiles(spec),
    ...(seccomp ? { seccomp } : {}),
    ...wanted.options,
  });
  return { plan, spec, directory };
}

/** Starts a container; resolves when its program runs, or has failed to. */
export async function start(host: Host, argv: string[], wanted: Wanted = {}): Promise<Running> {
  const { plan, spec, directory } = planOf(host, argv, wanted);
  return begin(host, plan, { spec, directory, wanted, enter: ['unshare', ...host.namespaces] });
}

export interface Joining {
  process?: Partial<SpecProcess>;
  options?: Partial<JoinOptions>;
  stdin?: string;
  /** called while the new process is held, before its execve */
  held?(pid: number): Promise<void>;
}

/** Starts a further process in a running container, under a shim of its own, as exec does. */
export async function joinContainer(
  host: Host,
  container: Running,
  argv: string[],
  joining: Joining = {},
): Promise<Running> {
  const { spec, pid, shim } = container;
  const process = { ...spec.process!, args: argv, ...joining.process };
  const seccomp = spec.linux?.seccomp ? seccompFilter(spec.linux.seccomp) : undefined;
  const plan = compileJoin(spec, process, { pid, ...(seccomp ? { seccomp } : {}), ...joining.options });
  const directory = join(host.directory, `exec-${++count}`);
  mkdirSync(directory);
  if (host.ids.uid !== undefined) chownSync(directory, host.ids.uid, host.ids.gid!);
  // The daemon's namespaces, which are those of the container's shim.
  const enter = ['nsenter', '--target', String(shim.pid), '--user', '--mount'];
  const wanted = { config: { Tty: process.terminal ?? false }, stdin: joining.stdin };
  return begin(host, plan, { spec, directory, wanted, enter, held: joining.held });
}

interface Beginning {
  spec: Spec;
  directory: string;
  wanted: Pick<Wanted, 'config' | 'stdin'>;
  /** program that brings the shim into the daemon's namespaces */
  enter: string[];
  held?(pid: number): Promise<void>;
}

async function begin(host: Host, plan: Plan, { spec, directory, wanted, enter, held }: Beginning): Promise<Running> {
  writeFileSync(join(directory, 'plan'), encodePlan(plan), { mode: 0o644 });
  const own = ['--dir', directory, '--listen', join(directory, 's')];
  own.push('--stdin', wanted.stdin === undefined ? 'null' : 'once', ...(wanted.config?.Tty ? ['--tty'] : []));
  const [program, ...rest] = enter;
  const shim = spawn(program!, [...rest, join(host.directory, 'punnet-shim'), ...own], {
    ...host.ids,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    detached: true,
    cwd: '/',
  });
  let errors = '';
  shim.stderr!.on('data', (data: Buffer) => (errors += data.toString()));
  const control = new Conversation(shim.stdio[3] as Socket);
  const has = (type: number) => control.frames.find((frame) => frame.type === type)?.payload;
  try {
    await control.when(() => has(16) !== undefined || has(19) !== undefined);
    if (has(16) !== undefined) await held?.(has(16)!.readUInt32BE(0));
    control.subscribe();
    control.start();
    if (wanted.stdin !== undefined) {
      control.stdin(wanted.stdin);
      control.closeStdin();
    }
    await control.when(() => has(17) !== undefined || has(19) !== undefined);
  } catch (error) {
    throw new Error(`the shim said ${JSON.stringify(errors)}`, { cause: error });
  }
  const failure = has(19);
  const failed = failure && planError(plan, failure.readUInt32BE(0), failure.readUInt32BE(4)).message;
  const end = async (): Promise<Ended> => {
    if (failed !== undefined) return { stdout: '', stderr: '', code: -1, signal: 0, failed };
    const { code, signal } = await control.exit();
    return { stdout: control.text('stdout'), stderr: control.text('stderr'), code, signal };
  };
  return { control, spec, pid: has(16)?.readUInt32BE(0) ?? 0, shim, ended: end() };
}

/** Runs a program in a container to its end. */
export async function run(host: Host, argv: string[], wanted: Wanted = {}): Promise<Ended> {
  return (await start(host, argv, wanted)).ended;
}

/** Runs `sh -c script` and gives its output; a failure of any kind is an error. */
export async function sh(host: Host, script: string, wanted: Wanted = {}): Promise<string> {
  const { stdout, stderr, code, failed } = await run(host, ['sh', '-c', script], wanted);
  if (failed !== undefined || code !== 0) throw new Error(failed ?? `exit ${code}: ${stderr}${stdout}`);
  return stdout.replaceAll('\r\n', '\n').trimEnd();
}

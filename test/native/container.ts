// A small real container for the tests of the native part: a root directory with Debian's static busybox, and the plan that
// starts a program in it, in user, mount, pid, network, ipc and uts namespaces of its own. Works as root and as any user.

import { spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as c from '../../src/native/constants.ts';
import { shimPath } from '../../src/native/addon.ts';
import type { Op, Plan } from '../../src/native/ops.ts';
import { encodePlan } from '../../src/native/plan.ts';
import { FRAME_HEADER, FROM_SHIM, TO_SHIM } from '../../src/native/shim-protocol.ts';

const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox', '/usr/bin/busybox.static'].find(existsSync);

const DEVICES = ['null', 'zero'];

export const missing = BUSYBOX ? undefined : 'busybox-static is not installed';

/** A directory for one test; removed by `remove`. */
export function makeDirectory(): { dir: string; root: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'punnet-native-'));
  const root = join(dir, 'rootfs');
  for (const name of ['bin', 'proc', 'dev', 'tmp']) mkdirSync(join(root, name), { recursive: true });
  for (const device of DEVICES) writeFileSync(join(root, 'dev', device), '');
  copyFileSync(BUSYBOX!, join(root, 'bin/busybox'));
  chmodSync(join(root, 'bin/busybox'), 0o755);
  for (const name of [
    'sh',
    'cat',
    'ls',
    'echo',
    'sleep',
    'stty',
    'kill',
    'true',
    'dd',
    'head',
    'yes',
    'id',
    'printf',
  ]) {
    symlinkSync('busybox', join(root, 'bin', name));
  }
  return { dir, root, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

export interface ContainerOptions {
  root: string;
  argv: string[];
  tty?: boolean;
  env?: string[];
  /** ops put before execve, after everything else is set up */
  extra?: Op[];
  paths?: string[];
  /** ids outside the container's user namespace that become 0 inside; the user of the tests unless said */
  ids?: { uid: number; gid: number };
}

const child = 'child' as const;
const parent = 'parent' as const;

/** The plan of a container whose user 0 is the user who runs the test. */
export function containerPlan({ root, argv, tty, env, extra, paths, ids }: ContainerOptions): Plan {
  const users = `0 ${ids?.uid ?? process.getuid!()} 1\n`;
  const groups = `0 ${ids?.gid ?? process.getgid!()} 1\n`;
  const flags = c.CLONE_NEWUSER | c.CLONE_NEWNS | c.CLONE_NEWPID | c.CLONE_NEWNET | c.CLONE_NEWIPC | c.CLONE_NEWUTS;
  const terminal: Op[] = [
    { who: child, op: 'open', path: '/dev/pts/ptmx', flags: c.O_RDWR | c.O_NOCTTY, slot: 10 },
    { who: child, op: 'ioctl', fd: 10, request: c.TIOCSPTLCK, arg: 0, pointer: true },
    { who: child, op: 'ioctl', fd: 10, request: c.TIOCGPTPEER, arg: c.O_RDWR | c.O_NOCTTY, result: 11 },
    { who: child, op: 'send_fd', fd: 10 },
    { who: child, op: 'setsid' },
    { who: child, op: 'ioctl', fd: 11, request: c.TIOCSCTTY, arg: 0 },
    ...[0, 1, 2].map((to): Op => ({ who: child, op: 'dup2', fd: 11, to })),
  ];
  const pipes = [0, 1, 2].map((fd): Op => ({ who: child, op: 'dup2', fd, to: fd }));
  return {
    ops: [
      { who: parent, op: 'clone3', flags: flags >>> 0 },
      { who: parent, op: 'write_file', path: '/proc/%child/setgroups', data: 'deny' },
      { who: parent, op: 'write_file', path: '/proc/%child/uid_map', data: users },
      { who: parent, op: 'write_file', path: '/proc/%child/gid_map', data: groups },
      { who: parent, op: 'release' },
      { who: child, op: 'await' },
      { who: child, op: 'setresgid', gid: 0 },
      { who: child, op: 'setresuid', uid: 0 },
      { who: child, op: 'prctl', option: c.PR_SET_PDEATHSIG, arg2: 9 },
      { who: child, op: 'mount', source: null, target: '/', fstype: null, flags: c.MS_REC | c.MS_SLAVE, data: null },
      { who: child, op: 'mount', source: root, target: root, fstype: null, flags: c.MS_BIND, data: null },
      { who: child, op: 'chdir', path: root },
      ...DEVICES.map((device): Op => {
        const [source, target] = [`/dev/${device}`, `dev/${device}`];
        return { who: child, op: 'mount', source, target, fstype: null, flags: c.MS_BIND, data: null };
      }),
      { who: child, op: 'mkdir', path: 'dev/pts', mode: 0o755, except: ['EEXIST'] },
      {
        who: child,
        op: 'mount',
        source: 'devpts',
        target: 'dev/pts',
        fstype: 'devpts',
        flags: 0,
        data: 'newinstance,ptmxmode=0666',
      },
      { who: child, op: 'mount', source: 'proc', target: 'proc', fstype: 'proc', flags: 0, data: null },
      { who: child, op: 'pivot_root', new_root: '.', put_old: '.' },
      { who: child, op: 'umount2', target: '.', flags: c.MNT_DETACH },
      { who: child, op: 'chdir', path: '/' },
      { who: child, op: 'sethostname', name: 'punnet' },
      { who: child, op: 'link_up', name: 'lo' },
      ...(tty ? terminal : pipes),
      { who: child, op: 'close_range', first: 3, last: 0xffffffff, flags: c.CLOSE_RANGE_CLOEXEC },
      ...(extra ?? []),
      { who: child, op: 'release' },
      { who: parent, op: 'await' },
      { who: child, op: 'await' },
      {
        who: child,
        op: 'execve',
        paths: paths ?? [`/usr/bin/${argv[0]}`, `/bin/${argv[0]}`],
        argv,
        env: env ?? ['PATH=/bin'],
      },
    ],
  };
}

export interface Frame {
  type: number;
  payload: Buffer;
}

const number = (type: number, ...words: number[]) => {
  const payload = Buffer.alloc(words.length * 4);
  words.forEach((word, index) => payload.writeUInt32BE(word, index * 4));
  return frame(type, payload);
};

export function frame(type: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(FRAME_HEADER);
  head[0] = type;
  head.writeUInt32BE(payload.length, 4);
  return Buffer.concat([head, payload]);
}

/** One end of a conversation with the shim. Frames are kept in order; `until` waits for one. */
export class Conversation {
  readonly frames: Frame[] = [];
  closed = false;
  private rest = Buffer.alloc(0);
  private wake: () => void = () => {};
  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (data: Buffer) => {
      this.rest = Buffer.concat([this.rest, data]);
      while (this.rest.length >= FRAME_HEADER && this.rest.length >= FRAME_HEADER + this.rest.readUInt32BE(4)) {
        const end = FRAME_HEADER + this.rest.readUInt32BE(4);
        this.frames.push({ type: this.rest[0]!, payload: Buffer.from(this.rest.subarray(FRAME_HEADER, end)) });
        this.rest = this.rest.subarray(end);
      }
      this.wake();
    });
    socket.on('close', () => {
      this.closed = true;
      this.wake();
    });
    socket.on('error', () => {});
  }

  /** Resolves with the first frame of this kind; rejects when the connection ends without it. */
  async until(kind: keyof typeof FROM_SHIM): Promise<Frame> {
    for (;;) {
      const found = this.frames.find((one) => one.type === FROM_SHIM[kind]);
      if (found) return found;
      if (this.closed)
        throw new Error(`connection ended without ${kind}: got ${this.frames.map((f) => f.type).join()}`);
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  /** Resolves when `condition` holds for what has come so far. */
  async when(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.closed) throw new Error(`connection ended; stdout so far: ${JSON.stringify(this.text('stdout'))}`);
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  text(stream: 'stdout' | 'stderr'): string {
    return Buffer.concat(this.frames.filter((f) => f.type === FROM_SHIM[stream]).map((f) => f.payload)).toString();
  }

  async exit(): Promise<{ code: number; signal: number }> {
    const { payload } = await this.until('exit');
    return { code: payload.readUInt32BE(0), signal: payload.readUInt32BE(4) };
  }

  start = () => this.socket.write(frame(TO_SHIM.start));
  become = (args: string[]) =>
    this.socket.write(frame(TO_SHIM.arguments, Buffer.from(args.map((arg) => `${arg}\0`).join(''))));
  subscribe = (streams = 3) => this.socket.write(number(TO_SHIM.subscribe, streams));
  stdin = (text: string | Uint8Array) => this.socket.write(frame(TO_SHIM.stdin, Buffer.from(text)));
  closeStdin = () => this.socket.write(frame(TO_SHIM.closeStdin));
  resize = (rows: number, cols: number) => this.socket.write(number(TO_SHIM.resize, rows, cols));
  signal = (signal: number) => this.socket.write(number(TO_SHIM.signal, signal));
}

export interface Shim {
  process: ChildProcess;
  control: Conversation;
  socket: string;
  /** resolves with the shim's own exit code when it has ended */
  ended: Promise<number | null>;
  errors(): string;
}

/** What makes an unprivileged user's process what the daemon is: uid 0 of a user namespace. unshare(1) execs, so the pid stays. */
export const inside = process.getuid!() === 0 ? [] : ['unshare', '--user', '--map-root-user', '--mount'];

let shimProgram: string | undefined;

/** Has `startShim` start another build of the shim. */
export function useShim(program: string | undefined): void {
  shimProgram = program;
}

/** Starts the shim on a plan in `dir`, as uid 0 of a user namespace: whoever runs the tests is 0 in it. */
export function startShim(dir: string, plan: Plan | Uint8Array, ...args: string[]): Shim {
  writeFileSync(join(dir, 'plan'), plan instanceof Uint8Array ? plan : encodePlan(plan));
  return spawnShim(dir, [...shimArguments(dir), ...args]);
}

/** Starts a shim that waits for its arguments: `control.become` gives them. */
export function startSpare(dir: string): Shim {
  return spawnShim(dir, ['spare', ' '.repeat(1000)]);
}

export function shimArguments(dir: string): string[] {
  return ['--dir', dir, '--listen', join(dir, 's.sock'), '--exit', join(dir, 'exit')];
}

function spawnShim(dir: string, args: string[]): Shim {
  const socket = join(dir, 's.sock');
  const [program, ...rest] = [...inside, shimProgram ?? shimPath(), ...args];
  const shim = spawn(program!, rest, {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let errors = '';
  shim.stderr!.on('data', (data: Buffer) => (errors += data.toString()));
  return {
    process: shim,
    control: new Conversation(shim.stdio[3] as Socket),
    socket,
    ended: new Promise((resolve) => shim.on('close', resolve)),
    errors: () => errors,
  };
}

/** A further connection, as an attached client or a new daemon makes it. */
export function attach(shim: Shim): Conversation {
  return new Conversation(connect(shim.socket));
}

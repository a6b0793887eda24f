// The typed face of punnet.node: one function per system call that Node does not have, arguments in the kernel's order.
// Every failure is a SystemError as Node's own fs throws: .code 'EPERM', .errno, .syscall, .path. Loaded on first import
// by the daemon, its workers and the launcher. Where it is found: $PUNNET_NATIVE, else build/Release beside the program.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unavailable } from '../base/errors.ts';

/** A path: text, or the bytes that an archive has, which need not be UTF-8. A NUL byte inside is a TypeError. */
export type Path = string | Uint8Array;

export interface StatAt {
  dev: number;
  ino: number;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  rdev: number;
  size: number;
  /** 512-byte units */
  blocks: number;
  mtimeNs: bigint;
  ctimeNs: bigint;
}

/** A seccomp section as the OCI runtime specification has it; config-linux.md#seccomp. */
export interface SeccompSection {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  /** Sorts calls into a binary tree: a little larger, much faster for late calls. */
  binaryTree?: boolean;
  syscalls?: {
    names: string[];
    action: string;
    errnoRet?: number;
    args?: { index: number; value: number | bigint; valueTwo?: number | bigint; op: string }[];
  }[];
}

/** A plan on its way; see walk.ts. */
interface NativeWalk {
  begin(): number;
  release(): boolean;
  report(): { failed: number; ops: [index: number, errno: number, ns: bigint][] };
  wait(): Promise<[exitCode: number, signal: number]>;
  waitHere(): [exitCode: number, signal: number];
  forwardSignals(): void;
  kill(signal: number): number;
  received(): number;
  close(): void;
}

interface Addon {
  Walk: new (plan: Uint8Array, slots: [slot: number, fd: number][]) => NativeWalk;
  openat2(dirfd: number, path: Path, flags: number, mode: number, resolve: number): number;
  mkdirat(dirfd: number, path: Path, mode: number): number;
  symlinkat(target: Path, dirfd: number, path: Path): number;
  linkat(olddirfd: number, oldpath: Path, newdirfd: number, newpath: Path, flags: number): number;
  mknodat(dirfd: number, path: Path, mode: number, dev: number | bigint): number;
  unlinkat(dirfd: number, path: Path, flags: number): number;
  renameat2(olddirfd: number, oldpath: Path, newdirfd: number, newpath: Path, flags: number): number;
  readlinkat(dirfd: number, path: Path): Buffer;
  fstatat(dirfd: number, path: Path, flags: number): StatAt;
  fchownat(dirfd: number, path: Path, uid: number, gid: number, flags: number): number;
  fchown(fd: number, uid: number, gid: number): number;
  fchmodat(dirfd: number, path: Path, mode: number): number;
  fchmod(fd: number, mode: number): number;
  utimensat(dirfd: number, path: Path, atimeNs: bigint | null, mtimeNs: bigint | null, flags: number): number;
  lsetxattr(path: Path, name: string, value: Uint8Array, flags: number): number;
  fsetxattr(fd: number, name: string, value: Uint8Array, flags: number): number;
  lgetxattr(path: Path, name: string): Buffer;
  fgetxattr(fd: number, name: string): Buffer;
  llistxattr(path: Path): Buffer;
  flistxattr(fd: number): Buffer;
  flock(fd: number, operation: number): number;
  mount(source: Path | null, target: Path, fstype: string | null, flags: number, data: string | null): number;
  umount2(target: Path, flags: number): number;
  unshare(flags: number): number;
  setns(fd: number, nstype: number): number;
  chdir(path: Path): number;
  openTree(dirfd: number, path: Path, flags: number): number;
  moveMount(fromDirfd: number, fromPath: Path, toDirfd: number, toPath: Path, flags: number): number;
  pidfdOpen(pid: number): number;
  pidfdSendSignal(pidfd: number, signal: number): number;
  kill(pid: number, signal: number): number;
  prctl(option: number, arg2: number | bigint): number;
  socketpair(): [number, number];
  posixSpawn(path: Path, argv: string[], fds: number[]): Promise<number>;
  waitpid(pid: number, options: number): number;
  exitGroup(status: number): never;
  socket(domain: number, type: number, protocol: number): number;
  socketIn(netns: number, domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array): number;
  listen(fd: number, backlog: number): number;
  connect(fd: number, address: Uint8Array): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array): number;
  getsockname(fd: number): Buffer;
  sendmsg(fd: number, bytes: Uint8Array, fds?: number[]): number;
  recv(fd: number, size: number, flags: number): Buffer;
  bpfProgLoad(type: number, instructions: Uint8Array): number;
  bpfProgAttach(target: number, program: number, type: number, flags: number): number;
  seccompCompile(section: SeccompSection): Buffer;
  seccompVersion(): string;
  syscallNumber(name: string): number;
}

const addon = load();

/** @see walk in walk.ts */
export const NativeWalk: Addon['Walk'] = addon.Walk;
/** Opens with O_CLOEXEC; `resolve` is RESOLVE_*. Tries again where the kernel asks for it (EAGAIN after a raced look-up). openat2(2) */
export const openat2: Addon['openat2'] = addon.openat2;
export const mkdirat: Addon['mkdirat'] = addon.mkdirat;
export const symlinkat: Addon['symlinkat'] = addon.symlinkat;
/** With AT_EMPTY_PATH `oldpath` is '' and `olddirfd` the file itself. linkat(2) */
export const linkat: Addon['linkat'] = addon.linkat;
/** `dev` as makedev() packs it. mknodat(2) */
export const mknodat: Addon['mknodat'] = addon.mknodat;
export const unlinkat: Addon['unlinkat'] = addon.unlinkat;
export const renameat2: Addon['renameat2'] = addon.renameat2;
/** Bytes, since a link's target need not be UTF-8. readlinkat(2) */
export const readlinkat: Addon['readlinkat'] = addon.readlinkat;
export const fstatat: Addon['fstatat'] = addon.fstatat;
/** Ids as the calling process's user namespace sees them; -1 keeps one. fchownat(2) */
export const fchownat: Addon['fchownat'] = addon.fchownat;
export const fchown: Addon['fchown'] = addon.fchown;
/** Follows a link at the end of `path`: the kernel has no other way before Linux 6.6. fchmodat(2) */
export const fchmodat: Addon['fchmodat'] = addon.fchmodat;
export const fchmod: Addon['fchmod'] = addon.fchmod;
/** Nanoseconds since the epoch, or null to keep; an empty path means the descriptor itself. utimensat(2) */
export const utimensat: Addon['utimensat'] = addon.utimensat;
export const lsetxattr: Addon['lsetxattr'] = addon.lsetxattr;
export const fsetxattr: Addon['fsetxattr'] = addon.fsetxattr;
export const lgetxattr: Addon['lgetxattr'] = addon.lgetxattr;
export const fgetxattr: Addon['fgetxattr'] = addon.fgetxattr;
/** Names, each ended by a NUL byte. llistxattr(2) */
export const llistxattr: Addon['llistxattr'] = addon.llistxattr;
export const flistxattr: Addon['flistxattr'] = addon.flistxattr;
/** LOCK_EX | LOCK_NB … ; EWOULDBLOCK is reported as EAGAIN. flock(2) */
export const flock: Addon['flock'] = addon.flock;
export const mount: Addon['mount'] = addon.mount;
export const umount2: Addon['umount2'] = addon.umount2;
/** For the calling thread alone; CLONE_NEWNS takes its working directory and root apart from the other threads'. unshare(2) */
export const unshare: Addon['unshare'] = addon.unshare;
/** For the calling thread alone. setns(2) */
export const setns: Addon['setns'] = addon.setns;
/** Node's own is not for worker threads; after unshare(CLONE_NEWNS) this one is. chdir(2) */
export const chdir: Addon['chdir'] = addon.chdir;
export const openTree: Addon['openTree'] = addon.openTree;
export const moveMount: Addon['moveMount'] = addon.moveMount;
export const pidfdOpen: Addon['pidfdOpen'] = addon.pidfdOpen;
export const pidfdSendSignal: Addon['pidfdSendSignal'] = addon.pidfdSendSignal;
/** `pid` must be positive; prefer pidfdSendSignal. kill(2) */
export const kill: Addon['kill'] = addon.kill;
export const prctl: Addon['prctl'] = addon.prctl;
/** AF_UNIX, SOCK_STREAM, close-on-exec. socketpair(2) */
export const socketpair: Addon['socketpair'] = addon.socketpair;
/**
 * Starts a program in a session of its own, in `/`, without environment, its descriptor i being `fds[i]`, which stay open until
 * the promise settles; gives its pid, which the caller must reap. vfork underneath: it does not copy this process's page tables,
 * and the wait for execve is a pool thread's. posix_spawn(3), glibc 2.29
 */
export const posixSpawn: Addon['posixSpawn'] = addon.posixSpawn;
/** Ends this process at once: no handlers, nothing flushed. exit_group(2) */
export const exitGroup: Addon['exitGroup'] = addon.exitGroup;
/** The pid that was reaped, or 0 with WNOHANG when it still runs. waitpid(2) */
export const waitpid: Addon['waitpid'] = addon.waitpid;
/** Close-on-exec. socket(2) */
export const socket: Addon['socket'] = addon.socket;
/**
 * As `socket`, in the network namespace that descriptor `netns` names: made by a thread that joins it and ends there. The
 * socket stays in that namespace, whoever uses it. setns(2)
 */
export const socketIn: Addon['socketIn'] = addon.socketIn;
/** `address` is a struct sockaddr. bind(2) */
export const bind: Addon['bind'] = addon.bind;
export const listen: Addon['listen'] = addon.listen;
export const connect: Addon['connect'] = addon.connect;
export const setsockopt: Addon['setsockopt'] = addon.setsockopt;
export const getsockname: Addon['getsockname'] = addon.getsockname;
/** With descriptors for the receiver, over a unix socket (SCM_RIGHTS). sendmsg(2) */
export const sendmsg: Addon['sendmsg'] = addon.sendmsg;
/** Up to `size` bytes. recv(2) */
export const recv: Addon['recv'] = addon.recv;
/** The descriptor of a loaded program; the kernel's verifier has judged it. bpf(2), BPF_PROG_LOAD */
export const bpfProgLoad: Addon['bpfProgLoad'] = addon.bpfProgLoad;
/** `target` is a directory of the cgroup v2 tree. bpf(2), BPF_PROG_ATTACH */
export const bpfProgAttach: Addon['bpfProgAttach'] = addon.bpfProgAttach;
/** struct sock_filter[] in the machine's byte order; names that this libseccomp does not know are left out. seccomp_export_bpf(3) */
export const seccompCompile: Addon['seccompCompile'] = addon.seccompCompile;
export const seccompVersion: Addon['seccompVersion'] = addon.seccompVersion;
/** -1 when this libseccomp does not know the call. */
export const syscallNumber: Addon['syscallNumber'] = addon.syscallNumber;

/** The directory that holds punnet.node and punnet-shim. @throws unavailable when they were not built */
export function nativeDirectory(): string {
  // dist/*.cjs is one level below the checkout, src/native/*.ts two.
  const here = typeof __dirname === 'string' ? __dirname : dirname(fileURLToPath(import.meta.url));
  const places = process.env.PUNNET_NATIVE
    ? [process.env.PUNNET_NATIVE]
    : [join(here, '../build/Release'), join(here, '../../build/Release')];
  const found = places.find((place) => existsSync(join(place, 'punnet.node')));
  if (found) return found;
  throw unavailable(`native part punnet.node not found in ${places.join(' or ')}`, { fix: 'npm run build:native' });
}

/** The static supervisor's program file. */
export function shimPath(): string {
  return join(nativeDirectory(), 'punnet-shim');
}

function load(): Addon {
  const path = join(nativeDirectory(), 'punnet.node');
  // What `require` of a .node file does, less its looking around.
  const module = { exports: {} as Addon };
  process.dlopen(module, path);
  return module.exports;
}

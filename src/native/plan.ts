// Encodes a plan into the bytes that native/plan-load.c checks and native/plan.c walks; the format is described in
// native/plan.h. Pure; runs in the daemon, the launcher and punnet-runc.

import { endianness } from 'node:os';
import { internal, invalidArgument, type PunnetError } from '../base/errors.ts';
import { errnoName, errnoNumber } from './constants.ts';
import { describeOp, mendingOf } from './describe.ts';
import type { Op, OpName, OpReport, Plan } from './ops.ts';

/** How an argument is encoded: see PLAN_OPS in native/plan.h. */
type Kind = 'u' | 's' | 'n' | 'f' | 'g' | 'v' | 'b' | 'i';

/** Codes are positions in this table; arguments are `field:kind`. A test compares it with the C program's own. */
export const LAYOUT: { [name in OpName]: string } = {
  unshare: 'flags:u',
  clone3: 'flags:u cgroup:g',
  fork: '',
  pidfd_open: 'pid:u slot:f',
  setns: 'fd:f nstype:u',
  await: '',
  release: '',
  open: 'path:s flags:u mode:u slot:f',
  openat2: 'dirfd:g path:s flags:u mode:u resolve:u slot:f',
  close: 'fd:f',
  close_range: 'first:u last:u flags:u',
  dup2: 'fd:f to:u',
  write_file: 'path:s data:b',
  mkdir: 'path:s mode:u',
  mknod: 'path:s mode:u dev:u',
  symlink: 'target:s path:s',
  chmod: 'path:s mode:u',
  chown: 'path:s uid:u gid:u',
  fchown: 'fd:f uid:u gid:u',
  chdir: 'path:s',
  fchdir: 'fd:f',
  chroot: 'path:s',
  mount: 'source:n target:s fstype:n flags:u data:n from:g',
  umount2: 'target:s flags:u',
  open_tree: 'dirfd:g path:s flags:u slot:f',
  copy_tree: 'from:f to:s',
  move_mount: 'from:f target:n to:g',
  mount_setattr: 'fd:g path:n flags:u set:u clear:u propagation:u userns:g',
  pivot_root: 'new_root:s put_old:s',
  sethostname: 'name:s',
  setdomainname: 'name:s',
  link_up: 'name:s',
  move_link: 'name:s as:s',
  add_address: 'name:s address:b prefix:u',
  setsid: '',
  ioctl: 'fd:f request:u arg:u pointer:u result:g',
  send_fd: 'fd:f to:g data:n',
  recv_fd: 'slot:f',
  connect: 'path:s slot:f',
  setrlimit: 'resource:u soft:u hard:u',
  sched_setattr: 'policy:u flags:u nice:u priority:u runtime:u deadline:u period:u',
  sched_setaffinity: 'mask:b',
  ioprio_set: 'ioprio:u',
  set_mempolicy: 'mode:u nodes:b',
  umask: 'mask:u',
  prctl: 'option:u arg2:u arg3:u arg4:u arg5:u',
  capbset: 'keep:u',
  capset: 'effective:u permitted:u inheritable:u',
  ambient: 'raise:u',
  setgroups: 'gids:i',
  setresgid: 'gid:u',
  setresuid: 'uid:u',
  seccomp: 'flags:u filter:b listener:g',
  personality: 'persona:u',
  keyring: 'name:s',
  await_fifo: 'fd:f',
  find_program: 'paths:v',
  spawn: 'path:s argv:v env:v input:b timeout:u',
  userns: 'uid_map:s gid_map:s slot:f',
  execve: 'paths:v argv:v env:v',
  pause: '',
};

const MAGIC = 0x31544e50;
const HEADER = 16;
const OP = 80;
const NONE = 0xffff_ffff_ffff_ffffn;
const SLOTS = 128;

const NAMES = Object.keys(LAYOUT) as OpName[];
const CODES = new Map(NAMES.map((name, code) => [name, code]));
const FIELDS = new Map(
  NAMES.map((name) => [
    name,
    LAYOUT[name]
      .split(' ')
      .filter(Boolean)
      .map((field) => field.split(':') as [string, Kind]),
  ]),
);

/** Text and lists behind the ops, appended in order of use; equal strings are stored once. */
class Tail {
  private readonly parts: Uint8Array[] = [];
  private readonly known = new Map<string, bigint>();
  private end: number;

  constructor(start: number) {
    this.end = start;
  }

  string(text: string): bigint {
    const known = this.known.get(text);
    if (known !== undefined) return known;
    if (text.includes('\0')) throw invalidArgument(`a plan's string has a NUL byte: ${JSON.stringify(text)}`);
    const offset = this.bytes(Buffer.from(`${text}\0`), 1);
    this.known.set(text, offset);
    return offset;
  }

  vector(items: string[]): bigint {
    const offsets = new BigUint64Array(items.length + 1);
    items.forEach((item, index) => (offsets[index] = this.string(item)));
    return this.bytes(new Uint8Array(offsets.buffer), 8);
  }

  bytes(bytes: Uint8Array, alignment: number): bigint {
    const padding = (alignment - (this.end % alignment)) % alignment;
    if (padding) this.parts.push(new Uint8Array(padding));
    const offset = this.end + padding;
    this.parts.push(bytes);
    this.end = offset + bytes.length;
    return BigInt(offset);
  }

  finish(): Uint8Array[] {
    this.bytes(new Uint8Array(1), 1);
    return this.parts;
  }
}

function word(value: unknown, where: string): bigint {
  if (value === undefined || value === false) return 0n;
  if (value === true) return 1n;
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))) {
    // Negative numbers are what C's casts make of them: uid -1 is "keep".
    return BigInt.asUintN(64, BigInt(value));
  }
  throw invalidArgument(`${where} is no whole number: ${String(value)}`);
}

function slotWord(value: unknown, where: string): bigint {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < SLOTS) return BigInt(value);
  throw invalidArgument(`${where} is no slot: ${String(value)}`);
}

function encodeArgument(kind: Kind, value: unknown, tail: Tail, where: string): bigint[] {
  switch (kind) {
    case 'u':
      return [word(value, where)];
    case 's':
      return [tail.string(value as string)];
    case 'n':
      return [value === null || value === undefined ? NONE : tail.string(value as string)];
    case 'f':
      return [slotWord(value, where)];
    case 'g':
      return [value === undefined || value === null ? NONE : slotWord(value, where)];
    case 'v':
      return [tail.vector(value as string[]), BigInt((value as string[]).length)];
    case 'b': {
      const bytes = typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array);
      return [tail.bytes(bytes, 8), BigInt(bytes.length)];
    }
    case 'i': {
      const ids = Uint32Array.from(value as number[]);
      return [tail.bytes(new Uint8Array(ids.buffer), 4), BigInt(ids.length)];
    }
  }
}

function encodeOp(op: Op, index: number, target: DataView, tail: Tail): void {
  const at = HEADER + index * OP;
  const code = CODES.get(op.op);
  if (code === undefined) throw invalidArgument(`unknown op ${JSON.stringify(op.op)} (op ${index + 1})`);
  const except = (op.except ?? []).map(errnoNumber);
  if (except.length > 6) throw invalidArgument(`${op.op} (op ${index + 1}) excepts more than six errnos`);
  target.setUint16(at, code, true);
  target.setUint8(at + 2, op.who === 'child' ? 1 : 0);
  target.setUint8(at + 3, except.length);
  except.forEach((number, i) => target.setUint16(at + 4 + 2 * i, number, true));
  let position = at + 16;
  for (const [field, kind] of FIELDS.get(op.op)!) {
    const value = (op as unknown as Record<string, unknown>)[field];
    for (const encoded of encodeArgument(kind, value, tail, `${op.op}.${field} (op ${index + 1})`)) {
      target.setBigUint64(position, encoded, true);
      position += 8;
    }
  }
}

/**
 * The bytes of a plan.
 * @throws invalidArgument for an op that cannot be encoded: a NUL byte in a string, a number that is none, no such slot
 */
export function encodePlan(plan: Plan): Uint8Array {
  if (endianness() !== 'LE') throw internal('plans are little-endian; this machine is not');
  const start = HEADER + plan.ops.length * OP;
  const head = new Uint8Array(start);
  const view = new DataView(head.buffer);
  const tail = new Tail(start);
  plan.ops.forEach((op, index) => encodeOp(op, index, view, tail));
  const parts = [head, ...tail.finish()];
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, size, true);
  view.setUint32(8, plan.ops.length, true);
  return Buffer.concat(parts, size);
}

/** Reads the shim's `report` file: a line `index errno ns` for each op that ran. Lines that are cut off are left out. */
export function parseReport(text: string): OpReport[] {
  return [...text.matchAll(/^(\d+) (\d+) (-?\d+)\n/gm)].map(([, index, errno, ns]) => ({
    index: Number(index),
    errno: Number(errno),
    ns: BigInt(ns!),
  }));
}

/** The error of a plan that failed at op `index`: `mount proc on /proc: EPERM (op 12 of 31)`. */
export function planError(plan: Plan, index: number, errno: number): PunnetError {
  const op = plan.ops[index];
  const name = errnoName(errno);
  const what = op ? describeOp(op) : 'unknown op';
  return internal(`${what}: ${name} (op ${index + 1} of ${plan.ops.length})`, {
    cause: Object.assign(new Error(name), { code: name, errno: -errno, syscall: op?.op }),
    fix: op && mendingOf(op, name),
  });
}

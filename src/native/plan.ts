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
const SLOTS = 128;
const TWO_32 = 2 ** 32;

interface Field {
  name: string;
  kind: Kind;
}

const NAMES = Object.keys(LAYOUT) as OpName[];
const SHAPES = new Map(
  NAMES.map((name, code): [OpName, { code: number; fields: Field[] }] => {
    const fields = LAYOUT[name].split(' ').filter(Boolean);
    const parsed = fields.map((field) => ({ name: field.split(':')[0]!, kind: field.split(':')[1] as Kind }));
    return [name, { code, fields: parsed }];
  }),
);

/** The bytes as they grow: ops at the front, and behind them text and lists in order of use; equal strings are stored once. */
class Encoding {
  readonly #known = new Map<string, number>();
  #bytes = Buffer.alloc(1 << 15);
  #end: number;

  constructor(count: number) {
    this.#end = HEADER + count * OP;
    this.#reserve(0);
    this.#bytes.writeUInt32LE(MAGIC, 0);
    this.#bytes.writeUInt32LE(count, 8);
  }

  code(at: number, code: number, { who, except = [] }: Op): void {
    this.#bytes.writeUInt16LE(code, at);
    this.#bytes[at + 2] = who === 'child' ? 1 : 0;
    this.#bytes[at + 3] = except.length;
    except.forEach((name, index) => this.#bytes.writeUInt16LE(errnoNumber(name), at + 4 + 2 * index));
  }

  word(at: number, value: number | bigint): void {
    if (typeof value === 'number' && value >= 0) {
      this.#bytes.writeUInt32LE(value % TWO_32, at);
      this.#bytes.writeUInt32LE(Math.floor(value / TWO_32), at + 4);
    } else {
      // Negative numbers are what C's casts make of them: uid -1 is "keep".
      this.#bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), at);
    }
  }

  string(text: string): number {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (text.includes('\0')) throw invalidArgument(`a plan's string has a NUL byte: ${JSON.stringify(text)}`);
    this.#reserve(3 * text.length + 1); // UTF-8 has at most three bytes for a unit of UTF-16
    const offset = this.#end;
    this.#end += this.#bytes.write(text, offset) + 1;
    this.#known.set(text, offset);
    return offset;
  }

  vector(items: string[]): number {
    const offsets = items.map((item) => this.string(item));
    const start = this.#align(8, 8 * (items.length + 1));
    offsets.forEach((offset, index) => this.word(start + 8 * index, offset));
    return start;
  }

  bytes(bytes: Uint8Array, alignment: number): number {
    const start = this.#align(alignment, bytes.length);
    this.#bytes.set(bytes, start);
    return start;
  }

  /** One zero byte is the end. */
  finish(): Uint8Array {
    this.#reserve(1);
    const whole = this.#bytes.subarray(0, this.#end + 1);
    whole.writeUInt32LE(whole.length, 4);
    return whole;
  }

  /** Takes the next `size` bytes, all zero, from a multiple of `alignment` on. */
  #align(alignment: number, size: number): number {
    const start = Math.ceil(this.#end / alignment) * alignment;
    this.#reserve(start - this.#end + size);
    this.#end = start + size;
    return start;
  }

  #reserve(size: number): void {
    if (this.#end + size <= this.#bytes.length) return;
    const grown = Buffer.alloc(2 * (this.#end + size));
    this.#bytes.copy(grown);
    this.#bytes = grown;
  }
}

const NONE = -1;

function whole(value: unknown, where: () => string): number | bigint {
  if (value === undefined || value === false) return 0;
  if (value === true) return 1;
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))) return value;
  throw invalidArgument(`${where()} is no whole number: ${String(value)}`);
}

function slot(value: unknown, where: () => string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < SLOTS) return value;
  throw invalidArgument(`${where()} is no slot: ${String(value)}`);
}

/** Writes one argument; returns how many words it has. */
function encodeArgument(
  encoding: Encoding,
  at: number,
  { kind, value, where }: { kind: Kind; value: unknown; where: () => string },
): 1 | 2 {
  switch (kind) {
    case 'u':
      encoding.word(at, whole(value, where));
      return 1;
    case 's':
      encoding.word(at, encoding.string(value as string));
      return 1;
    case 'n':
      encoding.word(at, value === null || value === undefined ? NONE : encoding.string(value as string));
      return 1;
    case 'f':
      encoding.word(at, slot(value, where));
      return 1;
    case 'g':
      encoding.word(at, value === undefined || value === null ? NONE : slot(value, where));
      return 1;
    case 'v':
      encoding.word(at, encoding.vector(value as string[]));
      encoding.word(at + 8, (value as string[]).length);
      return 2;
    case 'b': {
      const bytes = typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array);
      encoding.word(at, encoding.bytes(bytes, 8));
      encoding.word(at + 8, bytes.length);
      return 2;
    }
    case 'i': {
      const ids = Uint32Array.from(value as number[]);
      encoding.word(at, encoding.bytes(new Uint8Array(ids.buffer), 4));
      encoding.word(at + 8, ids.length);
      return 2;
    }
  }
}

function encodeOp(op: Op, index: number, encoding: Encoding): void {
  const shape = SHAPES.get(op.op);
  if (shape === undefined) throw invalidArgument(`unknown op ${JSON.stringify(op.op)} (op ${index + 1})`);
  if (op.except && op.except.length > 6)
    throw invalidArgument(`${op.op} (op ${index + 1}) excepts more than six errnos`);
  const at = HEADER + index * OP;
  encoding.code(at, shape.code, op);
  let position = at + 16;
  for (const { name, kind } of shape.fields) {
    const value = (op as unknown as Record<string, unknown>)[name];
    const where = () => `${op.op}.${name} (op ${index + 1})`;
    position += 8 * encodeArgument(encoding, position, { kind, value, where });
  }
}

/**
 * The bytes of a plan.
 * @throws invalidArgument for an op that cannot be encoded: a NUL byte in a string, a number that is none, no such slot
 */
export function encodePlan(plan: Plan): Uint8Array {
  if (endianness() !== 'LE') throw internal('plans are little-endian; this machine is not');
  const encoding = new Encoding(plan.ops.length);
  plan.ops.forEach((op, index) => encodeOp(op, index, encoding));
  return encoding.finish();
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

// resources.devices → the eBPF program that judges every use of a device file by a cgroup's processes: what the devices
// controller of cgroup v1 was for. Pure. bpf(2), kernel Documentation/bpf/prog_cgroup_device, cgroup-v1/devices.rst

import { invalidArgument } from '../base/errors.ts';
import type { SpecDeviceRule } from '../base/oci-runtime.ts';

/** What every container may use, behind the rules of its own: runc's list. `m` is harmless where the node cannot be opened. */
const ALWAYS: readonly SpecDeviceRule[] = [
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  ...[3, 5, 7, 8, 9].map((minor) => ({ allow: true, type: 'c', major: 1, minor, access: 'rwm' })),
  { allow: true, type: 'c', major: 5, minor: 0, access: 'rwm' },
  { allow: true, type: 'c', major: 5, minor: 2, access: 'rwm' },
  { allow: true, type: 'c', major: 136, access: 'rwm' },
];

/* BPF_DEVCG_*, linux/bpf.h */
const TYPES: Readonly<Record<string, number>> = { b: 1, c: 2 };
const ACCESS: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const ALL = 7;

/** What is judged otherwise than by default. */
interface Exception {
  type: number;
  /** undefined: any */
  major: number | undefined;
  minor: number | undefined;
  access: number;
}

export interface DeviceState {
  /** the verdict where no exception holds */
  allow: boolean;
  exceptions: Exception[];
}

/**
 * What a list of rules comes to, each changing what those before it said, as writes to devices.allow and devices.deny did.
 * @throws invalidArgument for a rule that is none
 */
export function deviceState(rules: readonly SpecDeviceRule[]): DeviceState {
  const state: DeviceState = { allow: false, exceptions: [] };
  for (const [index, rule] of [...rules, ...ALWAYS].entries()) {
    const { type = 'a', access = 'rwm' } = rule;
    const bits = [...access].map((letter) => ACCESS[letter]);
    if ((type !== 'a' && !Object.hasOwn(TYPES, type)) || bits.includes(undefined)) {
      throw invalidArgument(`linux.resources.devices[${index}]: no such rule: ${JSON.stringify(rule)}`);
    }
    const wanted = bits.reduce<number>((sum, bit) => sum | bit!, 0);
    const [major, minor] = [rule.major, rule.minor].map((number) =>
      number === undefined || number < 0 ? undefined : number,
    );
    if (type === 'a') {
      // The kernel knew no other rule for all types than one for everything.
      state.allow = rule.allow;
      state.exceptions = [];
      continue;
    }
    change(state, { type: TYPES[type]!, major, minor, access: wanted }, rule.allow);
  }
  return state;
}

function change(state: DeviceState, { type, major, minor, access }: Exception, allow: boolean): void {
  const same = state.exceptions.find((one) => one.type === type && one.major === major && one.minor === minor);
  if (allow !== state.allow) {
    if (same) same.access |= access;
    else state.exceptions.push({ type, major, minor, access });
  } else if (same) {
    same.access &= ~access;
    if (same.access === 0) state.exceptions.splice(state.exceptions.indexOf(same), 1);
  }
}

interface Instruction {
  code: number;
  dst?: number;
  src?: number;
  off?: number;
  imm?: number;
}

/* Codes of eBPF instructions, linux/bpf_common.h */
const LOAD = 0x61;
const AND = 0x54;
const SHIFT = 0x74;
const MOVE = 0xbc;
const SET = 0xb7;
const IF_NOT = 0x55;
const IF_NOT_SAME = 0x5d;
const IF = 0x15;
const EXIT = 0x95;
/* Registers: the result, the context, and what is taken from it. */
const [RESULT, CONTEXT, TYPE, WANTED, MAJOR, MINOR] = [0, 1, 2, 3, 4, 5];

/** struct bpf_insn[]; the program gives 1 for yes. */
export function deviceProgram({ allow, exceptions }: DeviceState): Uint8Array {
  const program: Instruction[] = [
    { code: LOAD, dst: TYPE, src: CONTEXT, off: 0 },
    { code: AND, dst: TYPE, imm: 0xffff },
    { code: LOAD, dst: WANTED, src: CONTEXT, off: 0 },
    { code: SHIFT, dst: WANTED, imm: 16 },
    { code: LOAD, dst: MAJOR, src: CONTEXT, off: 4 },
    { code: LOAD, dst: MINOR, src: CONTEXT, off: 8 },
  ];
  for (const exception of exceptions) program.push(...judge(exception, !allow));
  program.push({ code: SET, dst: RESULT, imm: allow ? 1 : 0 }, { code: EXIT });
  return assemble(program);
}

/* Falls through where the exception does not hold. */
function judge({ type, major, minor, access }: Exception, allow: boolean): Instruction[] {
  const tests: Instruction[] = [{ code: IF_NOT, dst: TYPE, imm: type }];
  if (access !== ALL) {
    tests.push({ code: MOVE, dst: CONTEXT, src: WANTED }, { code: AND, dst: CONTEXT, imm: access });
    // Allowed: all that is wanted must be in it. Denied: some of it is enough.
    tests.push(allow ? { code: IF_NOT_SAME, dst: CONTEXT, src: WANTED } : { code: IF, dst: CONTEXT, imm: 0 });
  }
  if (major !== undefined) tests.push({ code: IF_NOT, dst: MAJOR, imm: major });
  if (minor !== undefined) tests.push({ code: IF_NOT, dst: MINOR, imm: minor });
  const verdict: Instruction[] = [{ code: SET, dst: RESULT, imm: allow ? 1 : 0 }, { code: EXIT }];
  const jumps = new Set([IF_NOT, IF_NOT_SAME, IF]);
  tests.forEach((test, index) => {
    if (jumps.has(test.code)) test.off = tests.length - 1 - index + verdict.length;
  });
  return [...tests, ...verdict];
}

function assemble(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, dst = 0, src = 0, off = 0, imm = 0 }, index) => {
    view.setUint8(index * 8, code);
    view.setUint8(index * 8 + 1, dst | (src << 4));
    view.setInt16(index * 8 + 2, off, true);
    view.setInt32(index * 8 + 4, imm, true);
  });
  return bytes;
}

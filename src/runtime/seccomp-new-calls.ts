// System calls that are younger than the libseccomp of the oldest supported distribution (2.5.4), so that a profile's rule
// for them holds there too, and a prologue that answers for them in front of libseccomp's program. Pure.
// asm/unistd.h (numbers from 424 on are the same on every architecture), seccomp(2), bpf(2)

import type { SpecSeccomp } from '../base/oci-runtime.ts';

const NEW_CALLS: Readonly<Record<string, number>> = {
  cachestat: 451,
  fchmodat2: 452,
  map_shadow_stack: 453,
  futex_wake: 454,
  futex_wait: 455,
  futex_requeue: 456,
  statmount: 457,
  listmount: 458,
  lsm_get_self_attr: 459,
  lsm_set_self_attr: 460,
  lsm_list_modules: 461,
  mseal: 462,
  setxattrat: 463,
  getxattrat: 464,
  listxattrat: 465,
  removexattrat: 466,
  open_tree_attr: 467,
  file_getattr: 468,
  file_setattr: 469,
};
const NEWEST = 469;
/** From here on numbers belong to x32. */
const END = 512;

/** Lower than the others, and x86-64's alone. */
const URETPROBE = 335;

/* AUDIT_ARCH_*, linux/audit.h */
const AUDIT: Readonly<Record<string, number>> = {
  SCMP_ARCH_X86_64: 0xc000003e,
  SCMP_ARCH_X86: 0x40000003,
  SCMP_ARCH_AARCH64: 0xc00000b7,
  SCMP_ARCH_ARM: 0x40000028,
  SCMP_ARCH_RISCV64: 0xc00000f3,
};

/* struct sock_filter's codes, linux/bpf_common.h */
const LD_ABS = 0x20;
const JEQ = 0x15;
const JGT = 0x25;
const JGE = 0x35;
const RET = 0x06;
/* offsets in struct seccomp_data */
const NR = 0;
const ARCH = 4;

const ENOSYS = 38;
const RET_ALLOW = 0x7fff0000;
const RET_LOG = 0x7ffc0000;
const RET_ERRNO = 0x00050000;

interface Instruction {
  code: number;
  jt: number;
  jf: number;
  k: number;
}

/**
 * The program to put in front of libseccomp's: verdicts of rules for calls that it does not know, and ENOSYS for calls that
 * nobody knew when this was written, so that programs fall back to older ones (as runc does).
 * @param isKnown whether libseccomp knows a name
 */
export function newCallsPrologue(section: SpecSeccomp, isKnown: (name: string) => boolean): Uint8Array {
  const verdicts = new Map<number, number>();
  for (const rule of section.syscalls ?? []) {
    const verdict = verdictOf(rule.action, rule.errnoRet ?? 1);
    if (verdict === undefined || rule.args?.length) continue;
    for (const name of rule.names) {
      const number = name === 'uretprobe' ? URETPROBE : NEW_CALLS[name];
      if (number !== undefined && !isKnown(name)) verdicts.set(number, verdict);
    }
  }
  const unknown = section.defaultAction === 'SCMP_ACT_ERRNO' ? RET_ERRNO | ENOSYS : undefined;
  const audits = (section.architectures ?? []).flatMap((name) => AUDIT[name] ?? []);
  const uretprobe = verdicts.get(URETPROBE);
  verdicts.delete(URETPROBE);
  const program = judge([...verdicts], { audits, unknown });
  if (uretprobe !== undefined && audits.includes(AUDIT.SCMP_ARCH_X86_64!)) {
    program.push(...judge([[URETPROBE, uretprobe]], { audits: [AUDIT.SCMP_ARCH_X86_64!], unknown: undefined }));
  }
  return assemble(skipBelow(Math.min(URETPROBE, ...verdicts.keys()), program));
}

/* Left alone: what needs more than an answer (TRACE, NOTIFY), and kills, which are no answer to a call that may be missing. */
function verdictOf(action: string, errno: number): number | undefined {
  if (action === 'SCMP_ACT_ALLOW') return RET_ALLOW;
  if (action === 'SCMP_ACT_LOG') return RET_LOG;
  return action === 'SCMP_ACT_ERRNO' ? RET_ERRNO | errno : undefined;
}

/* Nearly every call ends here. */
function skipBelow(lowest: number, program: Instruction[]): Instruction[] {
  if (program.length === 0) return [];
  return [{ code: LD_ABS, jt: 0, jf: 0, k: NR }, { code: JGE, jt: 0, jf: program.length, k: lowest }, ...program];
}

/* Falls through when the architecture is none of `audits`, or the number has no verdict. */
function judge(
  verdicts: [number, number][],
  { audits, unknown }: { audits: number[]; unknown: number | undefined },
): Instruction[] {
  const body: Instruction[] = [{ code: LD_ABS, jt: 0, jf: 0, k: NR }];
  for (const [number, verdict] of verdicts) {
    body.push({ code: JEQ, jt: 0, jf: 1, k: number }, { code: RET, jt: 0, jf: 0, k: verdict });
  }
  if (unknown !== undefined) {
    body.push({ code: JGT, jt: 0, jf: 2, k: NEWEST }, { code: JGE, jt: 1, jf: 0, k: END });
    body.push({ code: RET, jt: 0, jf: 0, k: unknown });
  }
  if (body.length === 1 || audits.length === 0) return [];
  const choices = audits.map((k, index): Instruction => {
    const left = audits.length - 1 - index;
    return { code: JEQ, jt: left, jf: left === 0 ? body.length : 0, k };
  });
  return [{ code: LD_ABS, jt: 0, jf: 0, k: ARCH }, ...choices, ...body];
}

function assemble(program: Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, jt, jf, k }, index) => {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, jt);
    view.setUint8(index * 8 + 3, jf);
    view.setUint32(index * 8 + 4, k >>> 0, true);
  });
  return bytes;
}

// Runs a classic BPF program on one system call, as the kernel does (kernel/seccomp.c, net/core/filter.c), so that a compiled
// filter can be asked about every call without making it.

export interface Call {
  /** AUDIT_ARCH_* */
  arch: number;
  number: number;
  args?: readonly bigint[];
}

const LD_ABS = 0x20;
const RET = 0x06;
const AND = 0x54;
const JUMPS: Record<number, (a: number, k: number) => boolean> = {
  0x15: (a, k) => a === k,
  0x25: (a, k) => a > k,
  0x35: (a, k) => a >= k,
  0x45: (a, k) => (a & k) !== 0,
};

/** SECCOMP_RET_* with its data, and how many instructions it took. @throws on what seccomp programs do not have */
export function simulate(program: Uint8Array, call: Call): { verdict: number; steps: number } {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const data = seccompData(call);
  let a = 0;
  for (let at = 0, steps = 1; at < program.length / 8; at++, steps++) {
    const code = view.getUint16(at * 8, true);
    const k = view.getUint32(at * 8 + 4, true);
    const jump = JUMPS[code];
    if (code === RET) return { verdict: k, steps };
    if (code === LD_ABS) a = data.getUint32(k, true);
    else if (code === AND) a = (a & k) >>> 0;
    else if (code === 0x05) at += k;
    else if (jump) at += view.getUint8(at * 8 + (jump(a, k) ? 2 : 3));
    else throw new Error(`instruction ${at} has the unknown code 0x${code.toString(16)}`);
  }
  throw new Error('the program ends without a verdict');
}

/* struct seccomp_data: int nr; __u32 arch; __u64 instruction_pointer; __u64 args[6] */
function seccompData({ arch, number, args = [] }: Call): DataView {
  const view = new DataView(new ArrayBuffer(64));
  view.setUint32(0, number, true);
  view.setUint32(4, arch, true);
  args.forEach((arg, index) => view.setBigUint64(16 + 8 * index, arg, true));
  return view;
}

/** `ALLOW`, `ERRNO 1`… */
export function verdictName(verdict: number): string {
  const names: Record<number, string> = {
    0x7fff0000: 'ALLOW',
    0x7ffc0000: 'LOG',
    0x00050000: 'ERRNO',
    0: 'KILL_THREAD',
  };
  const action = (verdict & 0xffff0000) >>> 0;
  const name = names[action] ?? `0x${action.toString(16)}`;
  return name === 'ERRNO' ? `ERRNO ${verdict & 0xffff}` : name;
}

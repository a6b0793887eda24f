import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { SpecSeccomp, SeccompArg } from '../../src/base/oci-runtime.ts';
import { syscallNumber } from '../../src/native/addon.ts';
import { ALL_CAPABILITIES, DEFAULT_CAPABILITIES } from '../../src/runtime/capabilities.ts';
import { seccompFilter } from '../../src/runtime/seccomp-filter.ts';
import { defaultProfile, resolveProfile, type ProfileFile } from '../../src/runtime/seccomp.ts';
import { claims } from '../support/claims.ts';
import { SHARED } from '../support/need.ts';
import { simulate, verdictName } from './bpf.ts';

const REFERENCE = join(SHARED, 'reference/seccomp-default.json');
const absent = existsSync(REFERENCE) ? undefined : `${REFERENCE} is absent (PUNNET_TEST_SHARED names another place)`;

const X86_64 = 0xc000003e;
/** Calls that the libseccomp of Debian 12 has no number for. */
const NEWER: Record<string, number> = { cachestat: 451, fchmodat2: 452, map_shadow_stack: 453, futex_wake: 454 };
Object.assign(NEWER, { futex_wait: 455, futex_requeue: 456, statmount: 457, listmount: 458, lsm_get_self_attr: 459 });
Object.assign(NEWER, { lsm_set_self_attr: 460, lsm_list_modules: 461, mseal: 462, setxattrat: 463, getxattrat: 464 });
Object.assign(NEWER, { listxattrat: 465, removexattrat: 466, uretprobe: 335 });

const numberOf = (name: string) => {
  const number = syscallNumber(name);
  return number === -1 ? NEWER[name] : number;
};

const CAPABILITY_SETS: [string, readonly string[]][] = [
  ['the default set', DEFAULT_CAPABILITIES],
  ['none', []],
  ['all', ALL_CAPABILITIES],
  ...ALL_CAPABILITIES.map((cap): [string, string[]] => [`the default set and ${cap}`, [...DEFAULT_CAPABILITIES, cap]]),
];

/** Arguments on both sides of every condition that a profile has. */
const ARGUMENTS: readonly bigint[][] = [
  ...[0n, 1n, 2n, 8n, 16n, 37n, 38n, 39n, 40n, 41n, 0x20000n, 0x20008n, 0xffffffffn, 0x10000000n, 0x7e020000n, 17n],
].map((value) => [value, 0n, 0n, 0n, 0n, 0n]);

function matches(arg: SeccompArg, args: readonly bigint[]): boolean {
  const value = args[arg.index]!;
  const wanted = BigInt(arg.value);
  switch (arg.op) {
    case 'SCMP_CMP_NE':
      return value !== wanted;
    case 'SCMP_CMP_LT':
      return value < wanted;
    case 'SCMP_CMP_LE':
      return value <= wanted;
    case 'SCMP_CMP_EQ':
      return value === wanted;
    case 'SCMP_CMP_GE':
      return value >= wanted;
    case 'SCMP_CMP_GT':
      return value > wanted;
    case 'SCMP_CMP_MASKED_EQ':
      return (value & wanted) === BigInt(arg.valueTwo ?? 0);
  }
}

/** What a section says of a call. */
function verdict(section: SpecSeccomp, name: string, args: readonly bigint[]): string {
  for (const rule of section.syscalls ?? []) {
    if (!rule.names.includes(name) || !(rule.args ?? []).every((arg) => matches(arg, args))) continue;
    return rule.action === 'SCMP_ACT_ALLOW' ? 'ALLOW' : `ERRNO ${rule.errnoRet ?? 1}`;
  }
  return `ERRNO ${section.defaultErrnoRet ?? 1}`;
}

/** Docker's rules for its own file, written a second time and plainly, so that an error in the first is not repeated. */
function referenceVerdict(
  file: ProfileFile,
  { name, args, caps, arch }: { name: string; args: readonly bigint[]; caps: readonly string[]; arch: string },
): string {
  for (const rule of file.syscalls!) {
    const { includes = {}, excludes = {} } = rule as {
      includes?: Record<string, string[]>;
      excludes?: Record<string, string[]>;
    };
    if (!rule.names!.includes(name)) continue;
    if (includes.caps && !includes.caps.every((cap) => caps.includes(cap))) continue;
    if (includes.arches && !includes.arches.includes(arch)) continue;
    if (excludes.caps && excludes.caps.some((cap) => caps.includes(cap))) continue;
    if (excludes.arches && excludes.arches.includes(arch)) continue;
    if (!(rule.args ?? []).every((arg) => matches(arg, args))) continue;
    return rule.action === 'SCMP_ACT_ALLOW' ? 'ALLOW' : `ERRNO ${rule.errnoRet}`;
  }
  return `ERRNO ${file.defaultErrnoRet}`;
}

const section = (capabilities: readonly string[], arch = 'x64') =>
  resolveProfile(defaultProfile(), { capabilities, arch, kernel: '6.1' });

const names = (file: ProfileFile) => [...new Set(file.syscalls!.flatMap((rule) => rule.names!))];

claims("the default profile is Docker's, verdict for verdict", absent, () => {
  const reference = absent
    ? { defaultAction: 'SCMP_ACT_ERRNO' as const }
    : (JSON.parse(readFileSync(REFERENCE, 'utf8')) as ProfileFile);
  const ARCHES = { x64: 'amd64', arm64: 'arm64', s390x: 's390x', riscv64: 'riscv64' };

  test('the same calls are named', () => {
    expect(names(defaultProfile()).sort()).toEqual(names(reference).sort());
  });

  test.each(Object.entries(ARCHES))('on %s, with each set of capabilities', (arch, go) => {
    for (const [, caps] of CAPABILITY_SETS) {
      const ours = section(caps, arch);
      for (const name of [...names(reference), 'keyctl', 'add_key', 'io_uring_setup', 'userfaultfd', 'kexec_load']) {
        for (const args of ARGUMENTS) {
          const theirs = referenceVerdict(reference, { name, args, caps, arch: go });
          if (verdict(ours, name, args) !== theirs) expect(`${arch} ${name} ${args[0]}: ours`).toBe(theirs);
        }
      }
    }
  });

  test.runIf(process.arch === 'x64').each(CAPABILITY_SETS.slice(0, 3))(
    'and so does the compiled program, with capabilities: %s',
    (_, caps) => {
      const program = seccompFilter(section(caps));
      let asked = 0;
      for (const name of names(reference)) {
        const number = numberOf(name);
        if (number === undefined || number < 0) continue; // another architecture's
        asked++;
        for (const args of ARGUMENTS) {
          const theirs = referenceVerdict(reference, { name, args, caps, arch: 'amd64' });
          const { verdict: found } = simulate(program, { arch: X86_64, number, args });
          if (verdictName(found) !== theirs) expect(`${name}(${args[0]}): ${verdictName(found)}`).toBe(theirs);
        }
      }
      expect(asked).toBeGreaterThan(330);
    },
  );
});

describe.runIf(process.arch === 'x64')('the compiled program', () => {
  const ask = (name: string, args?: readonly bigint[], caps: readonly string[] = DEFAULT_CAPABILITIES) =>
    verdictName(simulate(seccompFilter(section(caps)), { arch: X86_64, number: numberOf(name)!, args }).verdict);

  test('lets a container work and refuses what reaches the host', () => {
    for (const name of ['read', 'execve', 'openat', 'futex', 'fchmodat2']) expect(ask(name)).toBe('ALLOW');
    for (const name of [
      'mount',
      'bpf',
      'keyctl',
      'add_key',
      'kexec_load',
      'init_module',
      'userfaultfd',
      'io_uring_setup',
    ])
      expect(ask(name)).toBe('ERRNO 1');
  });

  test('refuses new user namespaces by clone, says that clone3 is missing, and lets CAP_SYS_ADMIN do both', () => {
    const newUser = 0x10000000n;
    const admin = [...DEFAULT_CAPABILITIES, 'CAP_SYS_ADMIN'];
    expect(ask('clone', [newUser])).toBe('ERRNO 1');
    expect(ask('clone', [17n])).toBe('ALLOW');
    expect(ask('clone3')).toBe('ERRNO 38');
    expect(ask('clone', [newUser], admin)).toBe('ALLOW');
    expect(ask('clone3', [], admin)).toBe('ALLOW');
  });

  test('says ENOSYS for calls that nobody knew of, so that programs fall back', () => {
    const program = seccompFilter(section(DEFAULT_CAPABILITIES));
    for (const number of [470, 480, 511]) {
      expect(verdictName(simulate(program, { arch: X86_64, number }).verdict)).toBe('ERRNO 38');
    }
  });

  test('kills what comes in another architecture’s clothes', () => {
    const program = seccompFilter(section(DEFAULT_CAPABILITIES));
    const aarch64 = 0xc00000b7;
    expect(verdictName(simulate(program, { arch: aarch64, number: 451 }).verdict)).toBe('KILL_THREAD');
  });

  test('answers in few steps', () => {
    const program = seccompFilter(section(DEFAULT_CAPABILITIES));
    for (const name of ['read', 'write', 'futex', 'statx', 'rseq']) {
      expect(simulate(program, { arch: X86_64, number: numberOf(name)! }).steps).toBeLessThan(40);
    }
  });
});

describe('a profile of the user', () => {
  const context = { capabilities: DEFAULT_CAPABILITIES, arch: 'x64', kernel: '6.1' };

  test('may allow all but what it names', () => {
    const profile: ProfileFile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ name: 'mkdir', action: 'SCMP_ACT_ERRNO', errnoRet: 13 }],
    };
    const resolved = resolveProfile(profile, context);
    expect(resolved.syscalls).toEqual([{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 }]);
  });

  test('may not say one thing twice', () => {
    const twice = {
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: ['SCMP_ARCH_X86'],
      archMap: [{ architecture: 'x' }],
    };
    expect(() => resolveProfile(twice as ProfileFile, context)).toThrow("use either 'architectures' or 'archMap'");
    const names: ProfileFile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ name: 'a', names: ['b'], action: 'SCMP_ACT_KILL' }],
    };
    expect(() => resolveProfile(names, context)).toThrow("use either 'name' or 'names'");
  });

  test('may ask for a kernel: an older one does not get the rule', () => {
    const profile: ProfileFile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [{ names: ['ptrace'], action: 'SCMP_ACT_ALLOW', includes: { minKernel: '4.8' } }],
    };
    expect(resolveProfile(profile, { ...context, kernel: '4.7' }).syscalls).toEqual([]);
    expect(resolveProfile(profile, { ...context, kernel: '4.8' }).syscalls).toHaveLength(1);
    expect(resolveProfile(profile, { ...context, kernel: '10.0' }).syscalls).toHaveLength(1);
  });
});

describe('compiled programs are kept', () => {
  const profile: SpecSeccomp = { defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_X86_64'] };
  const unique = (errnoRet: number): SpecSeccomp => ({
    ...profile,
    syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet }],
  });

  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'punnet-seccomp-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test('in memory and on disk, one for each section', () => {
    const first = seccompFilter(unique(101), directory);
    expect(seccompFilter(unique(101), directory)).toBe(first);
    seccompFilter(unique(102), directory);
    expect(readdirSync(directory)).toHaveLength(2);
  });

  test('a later daemon takes them from disk; a damaged one is made again', async () => {
    const first = Buffer.from(seccompFilter(unique(103), directory));
    const file = join(directory, readdirSync(directory)[0]!);
    const restarted = async () => {
      vi.resetModules();
      const { seccompFilter } = await import('../../src/runtime/seccomp-filter.ts');
      return Buffer.from(seccompFilter(unique(103), directory));
    };
    const inode = statSync(file).ino;
    expect((await restarted()).equals(first)).toBe(true);
    expect(statSync(file).ino).toBe(inode);

    const damaged = readFileSync(file);
    damaged[40]! ^= 1;
    writeFileSync(file, damaged);
    expect((await restarted()).equals(first)).toBe(true);
    expect(statSync(file).ino).not.toBe(inode);

    writeFileSync(file, '');
    expect((await restarted()).equals(first)).toBe(true);
  });
});

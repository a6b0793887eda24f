import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Op, Plan } from '../../src/native/ops.ts';
import { LAYOUT, encodePlan, parseReport, planError } from '../../src/native/plan.ts';
import { containerPlan, makeDirectory, missing } from './container.ts';
import { SANITIZER_ENV, WALKER, compile } from './harness.ts';

const child = 'child' as const;
const parent = 'parent' as const;

/** One of each kind of argument. */
const sample: Plan = {
  ops: [
    { who: parent, op: 'unshare', flags: 0x20000 },
    { who: parent, op: 'clone3', flags: 0x7c020000 },
    { who: parent, op: 'write_file', path: '/proc/%child/uid_map', data: '0 0 1\n' },
    { who: parent, op: 'release' },
    { who: child, op: 'await' },
    { who: child, op: 'openat2', path: '/', flags: 0, resolve: 16, slot: 127 },
    { who: child, op: 'openat2', dirfd: 127, path: 'ä', flags: 1, mode: 0o600, resolve: 0, slot: 3 },
    { who: child, op: 'mount', source: null, target: '/', fstype: null, flags: 0x4000, data: null },
    { who: child, op: 'mkdir', path: '/x', mode: 0o755, except: ['EEXIST', 'EROFS'] },
    { who: child, op: 'mount_setattr', fd: 3, flags: 0x8000, set: 1, clear: 0, propagation: 0 },
    { who: child, op: 'setrlimit', resource: 7, soft: 1024n, hard: 0xffff_ffff_ffff_ffffn },
    { who: child, op: 'chown', path: '/x', uid: 1000, gid: -1 },
    { who: child, op: 'setgroups', gids: [1, 2, 4294967294] },
    { who: child, op: 'setgroups', gids: [] },
    { who: child, op: 'seccomp', flags: 4, filter: new Uint8Array([6, 0, 0, 0, 0, 0, 0xff, 0x7f]) },
    { who: child, op: 'ioctl', fd: 3, request: 0x40045431, arg: 0, pointer: true },
    { who: child, op: 'await' },
    { who: child, op: 'execve', paths: ['/bin/a', '/bin/b'], argv: ['a', ''], env: [] },
  ],
};

const printed = `\
parent unshare 131072
parent clone3 2080505856 none
parent write_file "/proc/%child/uid_map" 302030203 10a
parent release
child await
child openat2 none "/" 0 0 16 127
child openat2 127 "ä" 1 384 0 3
child mount null "/" null 16384 null none
child mkdir "/x" 493 !17 !30
child mount_setattr 3 null 32768 1 0 0 none
child setrlimit 7 1024 none
child chown "/x" 1000 none
child setgroups 1 2 4294967294 .
child setgroups .
child seccomp 4 060000000000ff7f none
child ioctl 3 1074025521 0 1 none
child await
child execve "/bin/a" "/bin/b" . "a" "" . .
`.replace('302030203 10a', '30203020310a');

describe('encodePlan', () => {
  test('a string with a NUL byte is refused, never cut short', () => {
    expect(() => encodePlan({ ops: [{ who: child, op: 'chdir', path: '/etc\0/x' }] })).toThrow('NUL byte');
  });

  test('a slot out of range and a fraction are refused, naming the op', () => {
    expect(() => encodePlan({ ops: [{ who: child, op: 'fchdir', fd: 128 }] })).toThrow(
      'fchdir.fd (op 1) is no slot: 128',
    );
    expect(() => encodePlan({ ops: [{ who: child, op: 'umask', mask: 0.5 }] })).toThrow('umask.mask (op 1)');
  });

  test('an errno that does not exist is refused', () => {
    const op: Op = { who: child, op: 'chdir', path: '/', except: ['ENOSUCH'] };
    expect(() => encodePlan({ ops: [op] })).toThrow('unknown errno ENOSUCH');
  });

  test('the same plan is always the same bytes', () => {
    expect(Buffer.from(encodePlan(sample)).equals(encodePlan(structuredClone(sample)))).toBe(true);
  });
});

describe('reports', () => {
  test('a line that was cut off is left out', () => {
    expect(parseReport('0 0 1200\n1 17 -1\n2 0 99')).toEqual([
      { index: 0, errno: 0, ns: 1200n },
      { index: 1, errno: 17, ns: -1n },
    ]);
  });

  test('an error names the op, its object, the errno, its place and what mends it', () => {
    const plan: Plan = { ops: [{ who: parent, op: 'clone3', flags: 0x10000000 }] };
    const error = planError(plan, 0, 28);
    expect(error.message).toBe('clone3 0x10000000: ENOSPC (op 1 of 1)');
    expect(error.fix).toContain('max_user_namespaces');
    expect(error.cause).toMatchObject({ code: 'ENOSPC', syscall: 'clone3' });
  });
});

describe('the walker under ASan and UBSan', () => {
  let harness: ReturnType<typeof compile>;
  let dir: string;
  const run = (...args: string[]) => execFileSync(harness.program, args, { env: SANITIZER_ENV, encoding: 'utf8' });
  const file = (plan: Plan | Uint8Array) => {
    const path = join(dir, 'plan');
    writeFileSync(path, plan instanceof Uint8Array ? plan : encodePlan(plan));
    return path;
  };

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'punnet-plan-'));
    const sources = ['plan-harness.c'].map((name) => `test/native/${name}`);
    harness = compile([...sources, ...WALKER]);
  });
  afterAll(() => {
    harness.remove();
    rmSync(dir, { recursive: true, force: true });
  });

  test('both sides know the same ops, in the same order, with the same arguments', () => {
    const ours = Object.entries(LAYOUT).map(([name, fields]) => {
      return `${name} ${[...fields.matchAll(/:(.)/g)].map((match) => match[1]).join('')}\n`;
    });
    expect(run('table')).toBe(ours.join(''));
  });

  test('what is encoded is what is decoded', () => {
    expect(run('print', file(sample))).toBe(printed);
  });

  test.each([
    ['no bytes', new Uint8Array(0), 'plan of a wrong size'],
    ['other bytes', Buffer.alloc(64, 'x'), 'not a plan'],
    ['a plan that is cut off', encodePlan(sample).subarray(0, 200), 'plan of a wrong size'],
  ])('%s: refused with a sentence', (_, bytes, why) => {
    expect(() => run('print', file(bytes))).toThrow();
    let output = '';
    try {
      run('print', file(bytes));
    } catch (error) {
      output = (error as { stdout: string }).stdout;
    }
    expect(output.trim()).toBe(why);
  });

  test.each<[string, Op[], string]>([
    ['a child without clone3', [{ who: child, op: 'setsid' }], 'ops for a child that is never made'],
    ['clone3 by the child', [{ who: child, op: 'clone3', flags: 0 }], 'a second clone3'],
    [
      'an empty argv',
      [
        { who: parent, op: 'clone3', flags: 0 },
        { who: child, op: 'execve', paths: ['/x'], argv: [], env: [] },
      ],
      'execve of nothing',
    ],
    [
      'a filter that is cut off',
      [{ who: parent, op: 'seccomp', flags: 0, filter: new Uint8Array(7) }],
      'filter of a wrong length',
    ],
  ])('%s is refused', (_, ops, why) => {
    let output = '';
    try {
      run('print', file({ ops }));
    } catch (error) {
      output = (error as { stdout: string }).stdout;
    }
    expect(output.trim()).toBe(why);
  });

  test('ten thousand mutations are decoded or refused without a fault', () => {
    const times = Number(process.env.PUNNET_FUZZ_TIMES ?? 10_000);
    const seed = process.env.PUNNET_FUZZ_SEED ?? '1';
    const said = run('fuzz', file(sample), seed, String(times));
    const accepted = Number(/^(\d+) accepted/.exec(said)![1]);
    // Both happen, or the mutations are too tame or too wild to show anything.
    expect(accepted).toBeGreaterThan(times / 100);
    expect(accepted).toBeLessThan(times * 0.9);
  }, 1_200_000);

  test.skipIf(missing)('a whole container is set up and started without a fault', () => {
    const place = makeDirectory();
    try {
      const plan = containerPlan({ root: place.root, argv: ['sh', '-c', 'exit 42'] });
      plan.ops = plan.ops.filter((op) => op.op !== 'dup2');
      expect(run('walk', file(plan))).toBe('ended 42\n');
      const broken = containerPlan({ root: place.root, argv: ['no-such-program'] });
      broken.ops = broken.ops.filter((op) => op.op !== 'dup2');
      expect(run('walk', file(broken))).toBe(`failed ${broken.ops.length - 1} 2\n`);
    } finally {
      place.remove();
    }
  });
});

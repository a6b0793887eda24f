import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import * as k from '../../src/native/constants.ts';
import { explainPlan } from '../../src/native/explain.ts';
import { quote } from '../../src/native/explain-shell.ts';
import type { Op, OpName } from '../../src/native/ops.ts';
import { LAYOUT } from '../../src/native/plan.ts';
import { containerPlan } from './container.ts';

const who = 'child' as const;
const explain = (...ops: Op[]) =>
  explainPlan(
    { ops },
    ops.map((_, index) => ({ index, errno: 0, ns: 1500n })),
    42,
  );
const one = (op: Op) => {
  const { call, shell } = explain(op)[0]!;
  return [call, shell];
};

test('an op that ran has its place, its time and its errno; one that did not run is left out', () => {
  const ops: Op[] = [
    { who: 'parent', op: 'clone3', flags: k.CLONE_NEWUSER | k.CLONE_NEWNS },
    { who, op: 'mkdir', path: '/proc', mode: 0o755, except: ['EEXIST'] },
    { who, op: 'setsid' },
  ];
  const report = [
    { index: 0, errno: 0, ns: 123_456n },
    { index: 1, errno: 17, ns: 900n },
  ];
  expect(explainPlan({ ops }, report)).toEqual([
    {
      step: 1,
      who: 'parent',
      op: 'clone3',
      call: 'clone3(CLONE_NEWNS|CLONE_NEWUSER)',
      microseconds: 123.456,
      errno: null,
      shell: 'unshare --user --mount --fork',
    },
    {
      step: 2,
      who: 'child',
      op: 'mkdir',
      call: 'mkdir("/proc", 0755)',
      microseconds: 0.9,
      errno: 'EEXIST',
      shell: 'mkdir -m 755 /proc',
    },
  ]);
});

test.each<[Op, string, string]>([
  [
    { who, op: 'mount', source: 'proc', target: '/proc', fstype: 'proc', flags: k.MS_NOSUID | k.MS_NOEXEC, data: null },
    'mount("proc", "/proc", "proc", MS_NOSUID|MS_NOEXEC, NULL)',
    'mount -t proc -o nosuid,noexec proc /proc',
  ],
  [
    { who, op: 'mount', source: null, target: '/', fstype: null, flags: k.MS_REC | k.MS_SLAVE, data: null },
    'mount(NULL, "/", NULL, MS_REC|MS_SLAVE, NULL)',
    'mount --make-rslave /',
  ],
  [
    { who, op: 'mount', source: 'tmpfs', target: '/a b', fstype: 'tmpfs', flags: 0, data: 'mode=755' },
    'mount("tmpfs", "/a b", "tmpfs", 0, "mode=755")',
    "mount -t tmpfs -o mode=755 tmpfs '/a b'",
  ],
  [
    { who, op: 'mount', source: '/x', target: '/y', fstype: null, flags: k.MS_BIND | k.MS_REC, data: null },
    'mount("/x", "/y", NULL, MS_BIND|MS_REC, NULL)',
    'mount --rbind /x /y',
  ],
  [
    {
      who,
      op: 'mount',
      source: null,
      target: '/',
      fstype: null,
      flags: k.MS_REMOUNT | k.MS_BIND | k.MS_RDONLY,
      data: null,
    },
    'mount(NULL, "/", NULL, MS_RDONLY|MS_REMOUNT|MS_BIND, NULL)',
    'mount -o remount,bind,ro /',
  ],
  [
    { who: 'parent', op: 'write_file', path: '/proc/%child/uid_map', data: '0 0 1\n1 1 65535\n' },
    'write("/proc/42/uid_map", "0 0 1\\n1 1 65535\\n")',
    "printf %s '0 0 1 1 1 65535' >/proc/42/uid_map",
  ],
  [{ who, op: 'umount2', target: '.', flags: k.MNT_DETACH }, 'umount2(".", MNT_DETACH)', 'umount -l .'],
  [{ who, op: 'pivot_root', new_root: '.', put_old: '.' }, 'pivot_root(".", ".")', 'pivot_root . .'],
  [
    { who, op: 'prctl', option: k.PR_SET_NO_NEW_PRIVS, arg2: 1 },
    'prctl(PR_SET_NO_NEW_PRIVS, 1)',
    'setpriv --no-new-privs …',
  ],
  [
    { who, op: 'setrlimit', resource: 7, soft: 1024n, hard: k.RLIM_INFINITY },
    'setrlimit(RLIMIT_NOFILE, 1024, RLIM_INFINITY)',
    'prlimit --pid $$ --nofile=1024:unlimited',
  ],
  [
    { who, op: 'capbset', keep: 0b101n },
    'prctl(PR_CAPBSET_DROP, all but 0x5)',
    'setpriv --bounding-set=-all,+chown,+dac_read_search …',
  ],
  [
    { who, op: 'open', path: '/etc', flags: k.O_PATH | k.O_DIRECTORY, slot: 4 },
    'open("/etc", O_DIRECTORY|O_PATH) = fd4',
    'exec 4</etc',
  ],
  [
    { who, op: 'mknod', path: '/dev/null', mode: 0o20666, dev: 0x103 },
    'mknod("/dev/null", 020666, 259)',
    'mknod -m 666 /dev/null c 1 3',
  ],
  [
    { who, op: 'execve', paths: ['/bin/sh'], argv: ['sh', '-c', "it's"], env: ['SECRET=1'] },
    'execve("/bin/sh", ["sh", "-c", "it\'s"], 1 variables)',
    `exec sh -c 'it'\\''s'`,
  ],
])('%o', (op, call, shell) => {
  expect(one(op)).toEqual([call, shell]);
});

test('a mount that is moved is said by the file that it came from', () => {
  const [, move] = explain(
    { who, op: 'open_tree', path: '/etc/hosts', flags: k.OPEN_TREE_CLONE, slot: 5 },
    { who, op: 'move_mount', from: 5, target: '/etc/hosts' },
  );
  expect(move!.shell).toBe('mount --bind /etc/hosts /etc/hosts');
});

test('the values of the environment are not shown: they may be secrets', () => {
  const text = JSON.stringify(explain({ who, op: 'execve', paths: ['/x'], argv: ['x'], env: ['TOKEN=hunter2'] }));
  expect(text).not.toContain('hunter2');
});

test('quoted words come back unchanged from a shell', () => {
  for (const word of ['plain', 'a b', "it's", '$HOME', '`x`', 'a\\b', 'line\nline', '*', '']) {
    expect(execFileSync('sh', ['-c', `printf %s ${quote(word)}`], { encoding: 'utf8' })).toBe(word);
  }
});

test('every command that explains a whole container is one that a shell can read', () => {
  const plan = containerPlan({ root: '/tmp/a root', argv: ['sh', '-c', 'echo "$HOME"'], tty: true });
  const script = explainPlan(
    plan,
    plan.ops.map((_, index) => ({ index, errno: 0, ns: 0n })),
  )
    .map(({ shell }) => `${shell}\n`)
    .join('');
  execFileSync('sh', ['-n', '-c', script]);
});

test('each op has a call and a command', () => {
  const words = (name: OpName) =>
    Object.fromEntries(
      LAYOUT[name]
        .split(' ')
        .filter(Boolean)
        .map((field) => {
          const [key, kind] = field.split(':') as [string, string];
          const value = { u: 0, s: 'x', n: 'x', f: 1, g: 1, v: ['x'], b: new Uint8Array(8), i: [1] }[kind];
          return [
            key,
            ['soft', 'hard', 'keep', 'raise', 'effective', 'permitted', 'inheritable'].includes(key)
              ? 0n
              : key === 'data'
                ? 'x'
                : value,
          ];
        }),
    );
  for (const name of Object.keys(LAYOUT) as OpName[]) {
    const [call, shell] = one({ who, op: name, ...words(name) } as Op);
    expect(call, name).toMatch(/\w+\(.*\)/);
    expect(shell, name).toBeTruthy();
  }
});

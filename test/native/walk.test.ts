import { closeSync, existsSync, openSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as c from '../../src/native/constants.ts';
import type { Op, Plan } from '../../src/native/ops.ts';
import { walk } from '../../src/native/walk.ts';
import { shimPath } from '../../src/native/addon.ts';
import { containerPlan, makeDirectory, missing } from './container.ts';

const descriptors = () => readdirSync('/proc/self/fd').length;

/** clone3 and then `ops` in the child. */
const cloned = (...ops: Op[]): Plan => ({ ops: [{ who: 'parent', op: 'clone3', flags: 0 }, ...ops] });
const exec = (...argv: string[]): Op => ({
  who: 'child',
  op: 'execve',
  paths: argv[0]!.includes('/') ? [argv[0]!] : [`/usr/bin/${argv[0]}`, `/bin/${argv[0]}`],
  argv,
  env: [],
});

describe('walk', () => {
  test('a child that execs and ends is reported with its exit code', async () => {
    const child = walk(cloned(exec('sh', '-c', 'exit 3')));
    expect(child.pid).toBeGreaterThan(0);
    expect(child.report().map(({ index, errno }) => [index, errno])).toEqual([
      [0, 0],
      [1, 0],
    ]);
    expect(child.report().every(({ ns }) => ns > 0n)).toBe(true);
    expect(await child.wait()).toEqual({ exitCode: 3, signal: 0 });
  });

  test('a child killed by a signal is reported with 128 and the signal', async () => {
    const child = walk(cloned(exec('sleep', '100')));
    child.kill(9);
    expect(await child.wait()).toEqual({ exitCode: 137, signal: 9 });
  });

  test('an op that fails in the child is named with its object, errno and place, and no child is left', () => {
    expect(() => walk(cloned({ who: 'child', op: 'chdir', path: '/no/such' }, exec('true')))).toThrow(
      'chdir /no/such: ENOENT (op 2 of 3)',
    );
  });

  test('an op that fails in the parent ends the child that waits for it', () => {
    const before = descriptors();
    const plan = cloned(
      { who: 'parent', op: 'write_file', path: '/proc/%child/no-such-file', data: 'x' },
      { who: 'parent', op: 'release' },
      { who: 'child', op: 'await' },
      exec('sleep', '100'),
    );
    expect(() => walk(plan)).toThrow('write /proc/%child/no-such-file: ENOENT (op 2 of 5)');
    expect(descriptors()).toBe(before);
  });

  test('an excepted errno counts as success and is still reported', async () => {
    const plan = cloned({ who: 'child', op: 'mkdir', path: '/', mode: 0o755, except: ['EEXIST'] }, exec('true'));
    const child = walk(plan);
    expect(child.report()[1]).toMatchObject({ index: 1, errno: 17 });
    expect((await child.wait()).exitCode).toBe(0);
  });

  test('a missing program is ENOENT, one that may not be executed EACCES, one of no known format ENOEXEC', () => {
    const refused = (path: string) => () => walk(cloned(exec(path)));
    expect(refused('/no/such')).toThrow('execve /no/such: ENOENT');
    expect(refused('/etc/passwd')).toThrow('execve /etc/passwd: EACCES');
    expect(refused('/tmp')).toThrow('EACCES');
    const several = cloned({ who: 'child', op: 'execve', paths: ['/etc/passwd', '/none'], argv: ['x'], env: [] });
    expect(() => walk(several)).toThrow('EACCES');
  });

  test('a plan that asks to share memory with the child is refused', () => {
    const CLONE_VM = 0x100;
    expect(() => walk({ ops: [{ who: 'parent', op: 'clone3', flags: CLONE_VM }, exec('true')] })).toThrow(
      'clone3 0x100: EINVAL',
    );
  });

  test('descriptors come in through slots and nothing else is inherited', async () => {
    const directory = makeDirectory();
    try {
      const out = openSync(join(directory.dir, 'out'), 'w');
      const plan = cloned(
        ...[0, 1, 2].map((to): Op => ({ who: 'child', op: 'dup2', fd: 5, to })),
        { who: 'child', op: 'close_range', first: 3, last: 0xffffffff, flags: c.CLOSE_RANGE_CLOEXEC },
        exec('ls', '/proc/self/fd'),
      );
      await walk(plan, { slots: { 5: out } }).wait();
      closeSync(out);
      // 3 is the directory that ls reads
      expect(readFileSync(join(directory.dir, 'out'), 'utf8')).toBe('0\n1\n2\n3\n');
    } finally {
      directory.remove();
    }
  });

  test('no descriptor is left behind by walks that work or fail', async () => {
    const before = descriptors();
    for (let i = 0; i < 20; i++) {
      await walk(cloned(exec('true'))).wait();
      expect(() => walk(cloned(exec('/no/such')))).toThrow();
    }
    expect(descriptors()).toBe(before);
  });

  test('signals that Node ignores or handles are back to their defaults in the child', async () => {
    const child = walk(cloned(exec('sh', '-c', 'grep -qE "^SigIgn:\\s0+$" /proc/$$/status || exit 1; exit 0')));
    expect((await child.wait()).exitCode).toBe(0);
  });

  test('a holder in new namespaces outlives the walk and ends on SIGTERM', async () => {
    const flags = c.CLONE_NEWUSER | c.CLONE_NEWNS;
    const holder = walk({
      ops: [
        { who: 'parent', op: 'clone3', flags },
        { who: 'child', op: 'setsid' },
        { who: 'child', op: 'execve', paths: [shimPath()], argv: ['punnet-shim', 'hold'], env: [] },
      ],
    });
    expect(readdirSync(`/proc/${holder.pid}/ns`)).toContain('user');
    process.kill(holder.pid, 'SIGTERM');
    expect(await holder.wait()).toEqual({ exitCode: 143, signal: 15 });
    expect(existsSync(`/proc/${holder.pid}`)).toBe(false);
  });

  test('without execve, `pause` keeps the child', async () => {
    const child = walk(cloned({ who: 'child', op: 'pause' }));
    child.kill(15);
    expect(await child.wait()).toEqual({ exitCode: 143, signal: 15 });
  });
});

describe.skipIf(missing)('walk of a container', () => {
  let place: ReturnType<typeof makeDirectory>;
  beforeEach(() => {
    place = makeDirectory();
  });
  afterEach(() => place.remove());

  test('it is held in its last await, and released', async () => {
    const fd = openSync(join(place.dir, 'out'), 'w');
    const nothing = openSync('/dev/null', 'r');
    const plan = containerPlan({ root: place.root, argv: ['sh', '-c', 'echo pid $$; id -u'] });
    const child = walk(plan, { slots: { 0: nothing, 1: fd, 2: fd } });
    expect(readFileSync(`/proc/${child.pid}/comm`, 'utf8')).not.toBe('sh\n');
    child.release();
    expect(await child.wait()).toEqual({ exitCode: 0, signal: 0 });
    closeSync(fd);
    closeSync(nothing);
    expect(readFileSync(join(place.dir, 'out'), 'utf8')).toBe('pid 1\n0\n');
  });
});

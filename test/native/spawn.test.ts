import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { mknodat } from '../../src/native/addon.ts';
import * as k from '../../src/native/constants.ts';
import type { Op } from '../../src/native/ops.ts';
import { walk } from '../../src/native/walk.ts';
import { scratch } from '../support/scratch.ts';
import { until } from '../support/until.ts';

type Spawn = Extract<Op, { op: 'spawn' }>;

const spawn = (script: string, more: Partial<Spawn> = {}): Spawn => ({
  who: 'parent',
  op: 'spawn',
  path: '/bin/sh',
  argv: ['sh', '-c', script],
  env: [],
  input: '',
  timeout: 0,
  ...more,
});

describe('spawn', () => {
  test('runs a program to its end with the input on its stdin, its arguments and its variables alone', () => {
    const file = join(scratch(), 'out');
    const argv = ['sh', '-c', `{ cat; echo "$1 $VALUE $HOME."; } >${file}`, 'sh', 'two words'];
    walk({ ops: [spawn('', { argv, env: ['VALUE=7', 'PATH=/bin:/usr/bin'], input: 'text\n' })] });
    expect(readFileSync(file, 'utf8')).toBe('text\ntwo words 7 .\n');
  });

  test('an input that is larger than any pipe, for a program that does not read, blocks nobody', () => {
    walk({ ops: [spawn('exit 0', { input: 'x'.repeat(1 << 20) })] });
  });

  test('a program that ends with a status, or by a signal, fails and says so', () => {
    expect(() => walk({ ops: [spawn('exit 3')] })).toThrow('run /bin/sh: exit status 3 (op 1 of 1)');
    expect(() => walk({ ops: [spawn('kill -9 $$')] })).toThrow('exit status 137');
    expect(() => walk({ ops: [spawn('', { path: '/no/such' })] })).toThrow('run /no/such: ENOENT');
  });

  test('a program that takes longer than it may is killed', () => {
    expect(() => walk({ ops: [spawn('exec sleep 1000', { timeout: 1 })] })).toThrow('ETIMEDOUT');
  });

  test('%child is the child for the parent, and itself for the child', async () => {
    const directory = scratch();
    const tell = (name: string) => `read line; echo "$line $1" >${directory}/${name}`;
    const argv = (name: string) => ['sh', '-c', tell(name), 'sh', '%child'];
    const child = walk({
      ops: [
        { who: 'parent', op: 'clone3', flags: 0 },
        spawn('', { argv: argv('parent'), input: '{"pid":%child,"x":"%child"}\n' }),
        { who: 'parent', op: 'release' },
        { who: 'child', op: 'await' },
        spawn('', { who: 'child', argv: argv('child'), input: '%child\n' }),
        { who: 'child', op: 'execve', paths: ['/bin/true'], argv: ['true'], env: [] },
      ],
    });
    await child.wait();
    expect(readFileSync(join(directory, 'parent'), 'utf8')).toBe(`{"pid":${child.pid},"x":"%child"} ${child.pid}\n`);
    expect(readFileSync(join(directory, 'child'), 'utf8')).toBe(`${child.pid} ${child.pid}\n`);
  });
});

describe('find_program', () => {
  const find = (...paths: string[]) => {
    const op: Op = { who: 'parent', op: 'find_program', paths };
    return () => walk({ ops: [op] });
  };

  test('finds what execve would run', () => {
    expect(find('/no/such', '/bin/sh')).not.toThrow();
  });

  test('says as execve would why nothing can be run', () => {
    const directory = scratch();
    mkdirSync(join(directory, 'd'));
    writeFileSync(join(directory, 'text'), '', { mode: 0o644 });
    expect(find('/no/such')).toThrow('look for /no/such: ENOENT');
    expect(find(join(directory, 'text'), '/no/such')).toThrow('EACCES');
    expect(find(join(directory, 'd'))).toThrow('EISDIR');
    expect(find()).toThrow('ENOENT');
  });
});

describe('await_fifo', () => {
  test('the parent is done, and a byte from anybody lets the child go on', async () => {
    const fifo = join(scratch(), 'start');
    mknodat(k.AT_FDCWD, fifo, k.S_IFIFO | 0o600, 0);
    const child = walk({
      ops: [
        { who: 'parent', op: 'open', path: fifo, flags: k.O_RDWR, slot: 5 },
        { who: 'parent', op: 'clone3', flags: 0 },
        { who: 'child', op: 'await' },
        { who: 'child', op: 'await_fifo', fd: 5 },
        { who: 'child', op: 'execve', paths: ['/bin/sh'], argv: ['sh', '-c', 'exit 4'], env: [] },
      ],
    });
    child.release();
    const ended = child.wait();
    const writer = await until('somebody reads', () => openSync(fifo, k.O_WRONLY | k.O_NONBLOCK));
    writeFileSync(writer, 'x');
    closeSync(writer);
    expect(await ended).toEqual({ exitCode: 4, signal: 0 });
  });

  test('without a reader there is nobody to start', () => {
    const fifo = join(scratch(), 'start');
    mknodat(k.AT_FDCWD, fifo, k.S_IFIFO | 0o600, 0);
    expect(() => openSync(fifo, k.O_WRONLY | k.O_NONBLOCK)).toThrow('ENXIO');
  });
});

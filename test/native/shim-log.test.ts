import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { shimPath } from '../../src/native/addon.ts';
import { encodePlan } from '../../src/native/plan.ts';
import { Conversation, containerPlan, inside, makeDirectory, missing, startShim } from './container.ts';

interface Line {
  log: string;
  stream: string;
  time: string;
}

describe.skipIf(missing)(`shim's log${missing ? `: ${missing}` : ''}`, () => {
  let place: ReturnType<typeof makeDirectory>;
  let log: string;
  beforeEach(() => {
    place = makeDirectory();
    log = join(place.dir, 'log');
  });
  afterEach(() => place.remove());

  const plan = (command: string, tty = false) =>
    containerPlan({ root: place.root, argv: ['sh', '-c', command], tty, ids: { uid: 0, gid: 0 } });

  const run = async (command: string, ...args: string[]) => {
    const shim = startShim(place.dir, plan(command, args.includes('--tty')), '--log', log, ...args);
    await shim.control.until('ready');
    shim.control.start();
    const exit = await shim.control.exit();
    await shim.ended;
    return { ...exit, errors: shim.errors() };
  };

  /** Prints exactly these bytes. */
  const print = async (bytes: Uint8Array | string, ...args: string[]) => {
    writeFileSync(join(place.root, 'bytes'), bytes);
    await run('cat /bytes', ...args);
  };

  const text = (path = log) => readFileSync(path, 'utf8');
  const lines = (path = log): Line[] =>
    text(path)
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line);

  test('a line of output is a line of the log, in the order of Docker, with a time in UTC', async () => {
    const before = new Date();
    await run('echo one; echo two >&2');
    const after = new Date();
    expect(text()).toMatch(
      /^\{"log":"one\\n","stream":"stdout","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z"\}\n\{"log":"two\\n","stream":"stderr","time":"[^"]*"\}\n$/,
    );
    for (const { time } of lines()) {
      expect(new Date(time).getTime()).toBeGreaterThanOrEqual(before.getTime());
      expect(new Date(time).getTime()).toBeLessThanOrEqual(after.getTime());
      expect(time).not.toMatch(/0Z$/); // Go's RFC3339Nano drops the zeros at the end
    }
  });

  test('only its owner may read it', async () => {
    await run('echo x');
    expect(statSync(log).mode & 0o777).toBe(0o600);
  });

  test('text is escaped as Go escapes it', async () => {
    await print('q" b\\ <&> \t\x01\x7f\r \u00e9\u2028\u2029 \u{1f353}\n');
    expect(text().slice(0, text().indexOf('","stream"'))).toBe(
      '{"log":"q\\" b\\\\ \\u003c\\u0026\\u003e \\u0009\\u0001\x7f\\r \u00e9\\u2028\\u2029 \u{1f353}\\n',
    );
  });

  test('each byte that is no UTF-8 becomes U+FFFD', async () => {
    // a lone continuation, a cut-off sequence, an overlong slash, a surrogate, one above the last code point
    await print(Buffer.from('80 41 e282 41 c0af 41 eda080 41 f4908080 41 ff 0a'.replaceAll(' ', ''), 'hex'));
    const r = '\\ufffd';
    expect(text()).toContain(`{"log":"${r}A${r}${r}A${r}${r}A${r}${r}${r}A${r}${r}${r}${r}A${r}\\n"`);
  });

  test('a line longer than 16 KiB is logged in parts, and only the last has an end of line', async () => {
    await print(`${'a'.repeat(16384)}${'b'.repeat(16384)}ccc\nshort\n`);
    expect(lines().map((line) => line.log)).toEqual(['a'.repeat(16384), 'b'.repeat(16384), 'ccc\n', 'short\n']);
    const [first, second, third] = lines();
    expect(second!.time).toBe(first!.time); // parts carry the time of the first
    expect(third!.time).toBe(first!.time);
  });

  test('a line of exactly 16 KiB ends in an empty part', async () => {
    await print(`${'a'.repeat(16384)}\nb\n`);
    expect(lines().map((line) => line.log)).toEqual(['a'.repeat(16384), '\n', 'b\n']);
  });

  test('a last line without an end is logged without one', async () => {
    await print('no end');
    expect(lines().map((line) => line.log)).toEqual(['no end']);
  });

  test('empty lines are lines', async () => {
    await print('\n\n');
    expect(lines().map((line) => line.log)).toEqual(['\n', '\n']);
  });

  test('a terminal is logged as stdout, with its carriage returns', async () => {
    await run('echo out; echo err >&2', '--tty');
    expect(lines().map(({ log, stream }) => [log, stream])).toEqual([
      ['out\r\n', 'stdout'],
      ['err\r\n', 'stdout'],
    ]);
  });

  test('a restarted container goes on in the same log', async () => {
    await run('echo first');
    await run('echo second');
    expect(lines().map((line) => line.log)).toEqual(['first\n', 'second\n']);
  });

  test('a megabyte of lines is logged whole', async () => {
    const all = Array.from({ length: 20_000 }, (_, i) => `line ${i} ${'x'.repeat(i % 100)}\n`);
    await print(all.join(''));
    expect(lines().map((line) => line.log)).toEqual(all);
  });

  test('at its size it is rotated, keeping as many files as asked for, all whole', async () => {
    const all = Array.from({ length: 3000 }, (_, i) => `line ${i}\n`);
    await print(all.join(''), '--log-max-size', '50000', '--log-max-file', '3');
    const files = [`${log}.2`, `${log}.1`, log];
    expect(existsSync(`${log}.3`)).toBe(false);
    const kept = files.flatMap((file) => lines(file).map((line) => line.log));
    expect(kept).toEqual(all.slice(-kept.length));
    for (const file of files.slice(0, 2)) {
      expect(statSync(file).size).toBeGreaterThanOrEqual(50000);
      expect(statSync(file).size).toBeLessThan(50100);
      expect(statSync(file).mode & 0o777).toBe(0o600);
    }
  });

  test('with one file it is emptied instead', async () => {
    const all = Array.from({ length: 3000 }, (_, i) => `line ${i}\n`);
    await print(all.join(''), '--log-max-size', '50000', '--log-max-file', '1');
    expect(existsSync(`${log}.1`)).toBe(false);
    const kept = lines().map((line) => line.log);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept).toEqual(all.slice(-kept.length));
  });

  test('without --log nothing is logged', async () => {
    const shim = startShim(place.dir, plan('echo x'));
    await shim.control.until('ready');
    shim.control.start();
    await shim.control.exit();
    expect(existsSync(log)).toBe(false);
  });

  test('a log that cannot be opened is complained about, and the container runs', async () => {
    mkdirSync(log);
    const { code, errors } = await run('echo x; exit 3');
    expect(code).toBe(3);
    expect(errors).toBe('punnet-shim: open log: EISDIR\n');
  });

  test('when the disk is full the container runs on, clients get all, and every line in the log is whole', async () => {
    // RLIMIT_FSIZE stands for the disk: 40 blocks of 512 bytes; the write that crosses it is short, the next is EFBIG
    writeFileSync(
      join(place.dir, 'plan'),
      encodePlan(plan('i=0; while [ $i -lt 1000 ]; do echo line $i; i=$((i+1)); done; exit 7')),
    );
    const socket = join(place.dir, 's.sock');
    const argv = [...inside, shimPath(), '--dir', place.dir, '--listen', socket, '--log', log];
    const shim = spawn('sh', ['-c', 'ulimit -f 40; exec "$@"', 'sh', ...argv], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    let errors = '';
    shim.stderr!.on('data', (data: Buffer) => (errors += data.toString()));
    const control = new Conversation(shim.stdio[3] as Socket);
    await control.until('ready');
    control.subscribe();
    control.start();
    expect((await control.exit()).code).toBe(7);
    const all = Array.from({ length: 1000 }, (_, i) => `line ${i}\n`);
    expect(control.text('stdout')).toBe(all.join(''));
    const kept = lines().map((line) => line.log);
    expect(kept.length).toBeGreaterThan(100);
    // A shorter line may still fit where a longer one did not: whole lines in order, the first of them without a gap.
    expect(kept.slice(0, 100)).toEqual(all.slice(0, 100));
    expect(kept).toEqual(all.filter((line) => kept.includes(line)));
    expect(statSync(log).size).toBeLessThanOrEqual(40 * 512);
    await until('the complaint', () => errors !== '');
    expect(errors).toBe('punnet-shim: write log: EFBIG\n'); // once, not a thousand times
  });
});

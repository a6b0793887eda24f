// The shim under ASan and UBSan: what the other files claim of it, in short, with every byte of its memory watched.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TO_SHIM } from '../../src/native/shim-protocol.ts';
import { until } from '../support/until.ts';
import { attach, containerPlan, frame, makeDirectory, missing, startShim, useShim } from './container.ts';
import { SANITIZER_ENV, WALKER, compile } from './harness.ts';

const FORWARDER = ['forward', 'forward-tcp', 'forward-udp'];
const SOURCES = [
  ...FORWARDER,
  'sealed',
  'shim',
  'shim-client',
  'shim-log',
  'shim-setup',
  'shim-state',
  'shim-stream',
  'init',
];

describe.skipIf(missing)(`shim under ASan and UBSan${missing ? `: ${missing}` : ''}`, () => {
  let harness: ReturnType<typeof compile>;
  let place: ReturnType<typeof makeDirectory>;
  const before = { ASAN_OPTIONS: process.env.ASAN_OPTIONS, UBSAN_OPTIONS: process.env.UBSAN_OPTIONS };

  beforeAll(() => {
    harness = compile([...SOURCES.map((name) => `native/${name}.c`), ...WALKER]);
    useShim(harness.program);
    process.env.ASAN_OPTIONS = SANITIZER_ENV.ASAN_OPTIONS;
    process.env.UBSAN_OPTIONS = SANITIZER_ENV.UBSAN_OPTIONS;
  });
  afterAll(() => {
    useShim(undefined);
    harness.remove();
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  beforeEach(() => {
    place = makeDirectory();
  });
  afterEach(() => place.remove());

  const start = async (command: string, ...args: string[]) => {
    const argv = ['sh', '-c', command];
    const plan = containerPlan({ root: place.root, argv, tty: args.includes('--tty'), ids: { uid: 0, gid: 0 } });
    const shim = startShim(place.dir, plan, ...args);
    await shim.control.until('ready');
    shim.control.subscribe();
    await shim.control.until('subscribed');
    return shim;
  };

  test('random bytes of a megabyte, logged with rotation, sent to clients that come, go and do not read', async () => {
    const bytes = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 2654435761) >>> (i % 24)));
    writeFileSync(join(place.root, 'bytes'), bytes);
    const log = join(place.dir, 'log');
    const shim = await start(
      'cat /bytes; cat /bytes >&2; exit 3',
      '--log',
      log,
      '--log-max-size',
      '70000',
      '--log-max-file',
      '3',
      '--explain',
    );
    const slow = attach(shim);
    slow.subscribe();
    await slow.until('subscribed');
    slow.socket.pause();
    shim.control.start();
    await shim.control.when(() => shim.control.frames.length > 8);
    slow.socket.destroy();
    expect(await shim.control.exit()).toEqual({ code: 3, signal: 0 });
    expect(await shim.ended).toBe(0);
    expect(shim.errors()).toBe('');
    const output = (type: number) =>
      Buffer.concat(shim.control.frames.filter((f) => f.type === type).map((f) => f.payload));
    expect(output(1).equals(bytes)).toBe(true);
    expect(output(2).equals(bytes)).toBe(true);
    for (const line of readFileSync(log, 'utf8').split('\n').slice(0, -1)) JSON.parse(line);
  });

  test('a terminal, resized, written to and read', async () => {
    const shim = await start(
      'while read line; do echo "<$line>"; [ "$line" = end ] && exit 4; done',
      '--tty',
      '--stdin',
      'open',
      '--rows',
      '20',
      '--cols',
      '70',
    );
    shim.control.start();
    for (let i = 1; i < 50; i++) shim.control.resize(i, i * 2);
    shim.control.stdin('one\nend\n');
    expect((await shim.control.exit()).code).toBe(4);
    expect(await shim.ended).toBe(0);
    expect(shim.errors()).toBe('');
  });

  test('frames of every type and many lengths, whole and cut off, from many connections', async () => {
    const shim = await start('read line; exit 5', '--stdin', 'open');
    shim.control.start();
    await shim.control.until('started');
    const hostile: ReturnType<typeof attach>[] = [];
    for (const type of [0, 1, 16, 31, 32, 33, 35, 36, 37, 128, 255]) {
      for (const length of [0, 1, 3, 4, 7, 8, 9, 4096]) {
        if (type === TO_SHIM.stdin && length > 0) continue;
        const client = attach(shim);
        hostile.push(client);
        client.socket.write(frame(type, Buffer.alloc(length, 0x7f)));
        client.socket.end(frame(type, Buffer.alloc(8)).subarray(0, length));
      }
    }
    await until('all were dropped', () => hostile.every((client) => client.closed));
    shim.control.stdin('\n');
    expect((await shim.control.exit()).code).toBe(5);
    expect(await shim.ended).toBe(0);
    expect(shim.errors()).toBe('');
  });
});

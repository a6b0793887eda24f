import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { containerPlan, makeDirectory, missing, startShim } from './container.ts';

describe.skipIf(missing)('shim', () => {
  let place: ReturnType<typeof makeDirectory>;
  beforeEach(() => {
    place = makeDirectory();
  });
  afterEach(() => place.remove());

  const run = (argv: string[], ...args: string[]) => {
    const tty = args.includes('--tty');
    return startShim(place.dir, containerPlan({ root: place.root, argv, tty }), ...args);
  };

  test('a plan becomes a container: ready, started, output, exit, in this order', async () => {
    const shim = run(['sh', '-c', 'echo hello; echo oops >&2; exit 7']);
    const ready = await shim.control.until('ready');
    expect(ready.payload.readUInt32BE(0)).toBeGreaterThan(1);
    shim.control.subscribe();
    await shim.control.until('subscribed');
    shim.control.start();
    expect(await shim.control.exit()).toEqual({ code: 7, signal: 0 });
    expect(shim.control.text('stdout')).toBe('hello\n');
    expect(shim.control.text('stderr')).toBe('oops\n');
    expect(await shim.ended).toBe(0);
    expect(JSON.parse(readFileSync(join(place.dir, 'exit'), 'utf8'))).toMatchObject({ exitCode: 7, signal: 0 });
    expect(existsSync(shim.socket)).toBe(false);
    expect(shim.errors()).toBe('');
  });
});

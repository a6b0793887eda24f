// punnet-shim sealed: a program through a read-only mount of its file. Real processes; root for the mount.

import { spawn } from 'node:child_process';
import { chmodSync, closeSync, constants, copyFileSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shimPath } from '../../src/native/addon.ts';
import { AT_FDCWD, O_PATH } from '../../src/native/constants.ts';
import { openat2 } from '../../src/native/addon.ts';
import { claims } from '../support/claims.ts';
import { need } from '../support/need.ts';
import { run } from '../support/process.ts';

const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox', '/usr/bin/busybox.static'].find(existsSync);
const missing = need('built') ?? (BUSYBOX ? undefined : 'busybox-static is not installed');

claims('a sealed program', missing, () => {
  let directory: string;
  let program: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'punnet-sealed-'));
    program = join(directory, 'busybox');
    copyFileSync(BUSYBOX!, program);
    chmodSync(program, 0o755);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** Opens the program's file for writing by way of its process, once nobody runs it any more: then ETXTBSY is no obstacle. */
  async function writes(command: string, args: string[]): Promise<string> {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.stdin.write('running\n');
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const fd = openat2(AT_FDCWD, `/proc/${child.pid}/exe`, O_PATH, 0, 0);
    child.kill('SIGKILL');
    await ended;
    try {
      closeSync(openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY));
      return 'writable';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code!;
    } finally {
      closeSync(fd);
    }
  }

  test('runs with its arguments, and is found in PATH', async () => {
    const env = { ...process.env, PATH: `/no/such:${directory}:/bin` };
    const outcome = await run(shimPath(), ['sealed', 'busybox', 'echo', 'a b'], { env });
    expect(outcome).toMatchObject({ code: 0, stdout: 'a b\n', stderr: '' });
  });

  test('one that does not exist is named', async () => {
    const outcome = await run(shimPath(), ['sealed', 'no-such-program', 'x']);
    expect(outcome).toMatchObject({ code: 127, stderr: 'punnet-shim: no-such-program: ENOENT\n' });
  });

  claims('of root', need('root'), () => {
    test('its file cannot be written to through its process, as that of another can', async () => {
      expect(await writes(program, ['cat'])).toBe('writable');
      expect(await writes(shimPath(), ['sealed', program, 'cat'])).toBe('EROFS');
    });
  });
});

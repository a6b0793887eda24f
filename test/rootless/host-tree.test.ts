// `-v` in an environment that root started: root's files are root's in the container, as under Docker, and nothing else of
// the host is any closer to it.

import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { realMounts } from '../../src/rootless/host-tree.ts';
import { isRoot, need, PROJECT } from '../support/need.ts';
import { mustRun, run } from '../support/process.ts';
import { makeScratch } from '../support/until.ts';

test('mounts of real file systems are found, parents first, each once, with their octal escapes undone', () => {
  const text = [
    '1 0 0:1 / /proc rw - proc proc rw',
    '2 0 8:1 / /mnt/a\\040b rw - ext4 /dev/sdb rw',
    '3 0 8:2 / / rw - ext4 /dev/sda rw',
    '4 0 0:5 / /dev rw - devtmpfs devtmpfs rw',
    '5 4 0:6 / /dev/shm rw - tmpfs tmpfs rw',
    '6 3 0:7 / /mnt rw,relatime shared:1 - xfs /dev/sdc rw',
    '7 3 0:8 / /mnt rw - tmpfs tmpfs rw',
    '',
  ].join('\n');
  expect(realMounts(text)).toEqual(['/', '/mnt', '/mnt/a b']);
});

const missing = need('built') ?? (isRoot ? undefined : 'needs root: a user’s own files are hers already');

describe('as root', () => {
  let home: string;
  let env: NodeJS.ProcessEnv;
  const punnet = (...args: string[]) => mustRun(process.execPath, [join(PROJECT, 'dist/punnet.cjs'), ...args], { env });
  const inBusybox = (volume: string, script: string) =>
    punnet('run', '--rm', '--network', 'none', '-v', volume, 'busybox', 'sh', '-c', script);
  const daemon = () => (JSON.parse(readFileSync(join(home, 'data/lock'), 'utf8')) as { pid: number }).pid;

  beforeAll(() => {
    home = makeScratch('tree');
    chmodSync(home, 0o711);
    const [root, runDirectory] = [join(home, 'data'), join(home, 'run')];
    env = { ...process.env, PUNNET_ROOT: root, PUNNET_RUN: runDirectory, PUNNET_HOST: '', PUNNET_SKIP_SETUP: '1' };
  });
  beforeEach(({ skip }) => {
    if (missing) skip(missing);
  });
  afterAll(async () => {
    if (!missing) await run(process.execPath, [join(PROJECT, 'dist/punnetd.cjs'), 'uninstall', '--yes'], { env });
    rmSync(home, { recursive: true, force: true });
  });

  test('a directory of root’s that is closed to others belongs to root in the container', async () => {
    const source = join(home, 'closed');
    mkdirSync(source, { mode: 0o700 });
    const { stdout } = await inBusybox(`${source}:/x`, 'stat -c %u:%g /x && echo hi >/x/new && chown 33:44 /x/new');
    expect(stdout).toBe('0:0\n');
    const made = statSync(join(source, 'new'));
    expect([made.uid, made.gid]).toEqual([33, 44]);
  });

  test('a single file can be bound, through a link', async () => {
    const file = join(home, 'file');
    writeFileSync(file, 'content\n', { mode: 0o600 });
    symlinkSync(file, join(home, 'link'));
    expect((await inBusybox(`${home}/link:/f:ro`, 'cat /f')).stdout).toBe('content\n');
  });

  test('a source that is missing is made, as root on the host', async () => {
    const source = join(home, 'not/yet');
    await inBusybox(`${source}:/x`, 'true');
    expect(statSync(source).uid).toBe(0);
  });

  test('what belongs to the environment’s own ids is bound as it is', async () => {
    const source = join(home, 'prepared');
    mkdirSync(source);
    const { uid } = statSync(join(home, 'data'));
    chownSync(source, uid, uid);
    expect((await inBusybox(`${source}:/x`, 'stat -c %u /x && touch /x/new')).stdout).toBe('0\n');
    expect(statSync(join(source, 'new')).uid).toBe(uid);
  });

  test('without -v, the container sees nothing of the tree', async () => {
    const { stdout } = await punnet('run', '--rm', '--network', 'none', 'busybox', 'cat', '/proc/self/mountinfo');
    expect(stdout).not.toContain('idmapped');
    expect(stdout).not.toContain('/run/host');
  });

  test('a device file on the host’s disk is no device through -v, and a setuid program has no effect', async () => {
    const source = join(home, 'devices');
    mkdirSync(source);
    await mustRun('mknod', [join(source, 'null'), 'c', '1', '3']);
    const outcome = await run(
      process.execPath,
      [join(PROJECT, 'dist/punnet.cjs'), 'run', '--rm', '-v', `${source}:/x`, 'busybox', 'sh', '-c', 'echo >/x/null'],
      { env },
    );
    expect(outcome.stderr).toContain('Permission denied');
    expect((await inBusybox(`${source}:/x`, 'grep " /x " /proc/self/mountinfo')).stdout).toMatch(
      /nosuid,nodev.*idmapped/,
    );
  });

  test('the host does not see the tree', () => {
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(`${home}/run/host`);
    expect(readlinkSync(`/proc/${daemon()}/ns/mnt`)).not.toBe(readlinkSync('/proc/self/ns/mnt'));
  });
});

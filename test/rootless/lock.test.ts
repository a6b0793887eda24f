// One daemon per data directory: a lock that dies with its holder.

import { spawnSync } from 'node:child_process';
import { beforeEach, expect, test } from 'vitest';
import { need } from '../support/need.ts';
import { scratch } from '../support/scratch.ts';

const missing = need('built');
beforeEach(({ skip }) => {
  if (missing) skip(missing);
});

test('the second daemon is refused and told who has the directory and where it listens', async () => {
  const { lockRoot } = await import('../../src/rootless/lock.ts');
  const root = scratch('lock');
  const first = lockRoot(root, { pid: 4711, socket: '/run/a.sock' });
  expect(() => lockRoot(root, { pid: 1, socket: '/run/b.sock' })).toThrow(
    `data directory ${root} is in use by punnetd (pid 4711, listening on /run/a.sock)`,
  );
  first.release();
  lockRoot(root, { pid: 2, socket: '/run/b.sock' }).release();
});

test('no program that the daemon starts keeps the lock', async () => {
  const { lockRoot } = await import('../../src/rootless/lock.ts');
  const root = scratch('lock');
  const lock = lockRoot(root, { pid: 1, socket: 's' });
  const seen = spawnSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' }).stdout;
  expect(seen).not.toContain(root);
  lock.release();
});

// The way from `punnetd` to a listening daemon inside its namespaces, with the real programs: as the user of the tests, and
// when that is root, through a subordinate range.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { thisAccount } from '../../src/rootless/account.ts';
import { scopeCommand } from '../../src/rootless/delegate-cgroup.ts';
import { cgroup2Mount } from '../../src/runtime/cgroup-tree.ts';
import { isAlive, startTimeOf } from '../../src/native/process-identity.ts';
import { isRoot, need, PROJECT } from '../support/need.ts';
import { run, type Outcome } from '../support/process.ts';
import { scratch } from '../support/scratch.ts';
import { until } from '../support/until.ts';

vi.setConfig({ testTimeout: 120_000 }); // a bound for hangs on a busy machine
const missing = need('built', 'subids');
beforeEach(({ skip }) => {
  if (missing) skip(missing);
});

interface Place {
  root: string;
  run: string;
  socket: string;
  env: NodeJS.ProcessEnv;
  launch(env?: NodeJS.ProcessEnv): Promise<Outcome>;
  /** pid of the daemon that holds the data directory */
  daemon(): number;
  holder(): { pid: number; startTime: string; userNamespace: string };
  holderFile: string;
}

/** A data and a runtime directory; the daemon and the holder that start there are ended with the test. */
function place(): Place {
  const home = scratch('launch');
  chmodSync(home, 0o711);
  const [root, runDirectory] = [join(home, 'data'), join(home, 'run')];
  const env = { ...process.env, PUNNET_ROOT: root, PUNNET_RUN: runDirectory, PUNNET_HOST: '', PUNNET_IDLE: '0' };
  const holderFile = join(isRoot ? `${runDirectory}.root` : runDirectory, 'holder.json');
  const daemon = () => (JSON.parse(readFileSync(join(root, 'lock'), 'utf8')) as { pid: number }).pid;
  const holder = () => JSON.parse(readFileSync(holderFile, 'utf8')) as ReturnType<Place['holder']>;
  onTestFinished(() => {
    for (const pid of [daemon, () => holder().pid]) {
      try {
        if (readlinkSync(`/proc/${pid()}/ns/user`) !== readlinkSync('/proc/self/ns/user'))
          process.kill(pid(), 'SIGKILL');
      } catch {
        continue; // never started, or ended by the test
      }
    }
  });
  const launch = (more: NodeJS.ProcessEnv = {}) =>
    run(process.execPath, [join(PROJECT, 'dist/punnetd.cjs')], { env: { ...env, ...more } });
  return {
    root,
    run: runDirectory,
    socket: join(runDirectory, 'punnet.sock'),
    env,
    launch,
    daemon,
    holder,
    holderFile,
  };
}

function ping(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path: '/_ping' }, (response) => {
      response.setEncoding('utf8').once('data', resolve);
    })
      .once('error', reject)
      .end();
  });
}

const status = (pid: number, field: string) =>
  new RegExp(`^${field}:[ \\t]*(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!.split(/\s+/);
const gone = (pid: number) => until(`process ${pid} is gone`, () => startTimeOf(pid) === undefined);

test('the launcher returns when the daemon answers, and says nothing', async () => {
  const at = place();
  expect(await at.launch()).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(await ping(at.socket)).toBe('OK');
});

test('the daemon is root inside its namespace alone; on the host it is never root', async () => {
  const at = place();
  await at.launch();
  const pid = at.daemon();
  expect(readlinkSync(`/proc/${pid}/ns/user`)).toBe(at.holder().userNamespace);
  expect(readlinkSync(`/proc/${pid}/ns/mnt`)).not.toBe(readlinkSync('/proc/self/ns/mnt'));
  expect(readlinkSync(`/proc/${pid}/ns/net`)).toBe(readlinkSync('/proc/self/ns/net'));
  for (const uid of status(pid, 'Uid')) {
    if (isRoot) expect(Number(uid)).toBeGreaterThanOrEqual(100_000);
    else expect(Number(uid)).toBe(process.getuid!());
  }
  expect(readFileSync(`/proc/${pid}/uid_map`, 'utf8').trim().split('\n').length).toBe(isRoot ? 1 : 2);
  expect(statSync(at.root).mode & 0o777).toBe(0o700);
  expect(statSync(at.socket).mode & 0o777).toBe(0o600);
});

test('the holder has no more rights on the host than the daemon', async () => {
  const at = place();
  await at.launch();
  expect(status(at.holder().pid, 'Uid')).toEqual(status(at.daemon(), 'Uid'));
  expect(status(at.holder().pid, 'Groups')).toEqual(status(at.daemon(), 'Groups'));
});

test('the daemon is in a session of its own and holds no descriptor of the launcher', async () => {
  const at = place();
  const child = spawn(
    'sh',
    ['-c', `exec 7</etc/passwd; exec "$@"`, 'sh', process.execPath, join(PROJECT, 'dist/punnetd.cjs')],
    {
      env: at.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  // the pipes close only if the daemon did not inherit them
  await new Promise((resolve) => child.once('close', resolve));
  const pid = at.daemon();
  expect(status(pid, 'NSsid')).toEqual([String(pid)]);
  for (const holder of [pid, at.holder().pid]) {
    const open = (await run('ls', ['-l', `/proc/${holder}/fd`])).stdout;
    expect(open).not.toContain('/etc/passwd');
  }
});

test('a daemon that was killed comes back in the same namespaces', async () => {
  const at = place();
  await at.launch();
  const [before, killed] = [at.holder(), at.daemon()];
  process.kill(killed, 'SIGKILL');
  await gone(killed);
  expect((await at.launch()).code).toBe(0);
  expect(at.daemon()).not.toBe(killed);
  expect(at.holder()).toEqual(before);
  expect(readlinkSync(`/proc/${at.daemon()}/ns/user`)).toBe(before.userNamespace);
});

test('a daemon that is stopped with nothing running lets the namespaces go', async () => {
  const at = place();
  await at.launch();
  const [holder, daemon] = [at.holder(), at.daemon()];
  process.kill(daemon, 'SIGTERM');
  await gone(daemon);
  await gone(holder.pid);
  expect(existsSync(at.socket)).toBe(false);
});

test('five launchers at once start one daemon', async () => {
  const at = place();
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => at.launch()));
  for (const outcome of outcomes) expect(outcome).toEqual({ code: 0, stdout: '', stderr: '' });
  const listening = () => readFileSync(join(at.root, 'punnetd.log'), 'utf8').match(/listening on/g);
  // the socket answers a moment before the daemon has written its line
  await until('the daemon says that it listens', listening);
  expect(listening()).toHaveLength(1);
});

test('a second daemon on the same data directory is refused and names the first', async () => {
  const at = place();
  await at.launch();
  const other = join(at.root, '../other');
  const outcome = await at.launch({ PUNNET_RUN: other });
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toContain(
    `data directory ${at.root} is in use by punnetd (pid ${at.daemon()}, listening on ${at.socket})`,
  );
  // the namespaces that were made for it are gone with it
  expect(existsSync(join(isRoot ? `${other}.root` : other, 'holder.json'))).toBe(false);
});

test('a holder file that names a process of someone else is not believed', async () => {
  const at = place();
  await at.launch();
  const [real, daemon] = [at.holder(), at.daemon()];
  process.kill(daemon, 'SIGKILL');
  await gone(daemon);
  writeFileSync(at.holderFile, JSON.stringify({ ...real, pid: process.pid, startTime: startTimeOf(process.pid) }));
  expect((await at.launch()).code).toBe(0);
  expect(at.holder().pid).not.toBe(process.pid);
  expect(isAlive(real)).toBe(true);
  process.kill(real.pid, 'SIGKILL');
});

test('a holder file that is not JSON is an error that names it', async () => {
  const at = place();
  mkdirSync(join(at.holderFile, '..'), { recursive: true, mode: 0o700 });
  writeFileSync(at.holderFile, '{"pid":');
  const outcome = await at.launch();
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toContain(at.holderFile);
});

test('a runtime directory that another user made first is refused', async ({ skip }) => {
  if (!isRoot) skip('needs root, to make a directory of another user');
  const at = place();
  await run('install', ['-d', '-o', '54321', at.run]);
  const outcome = await at.launch();
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toContain(`directory ${at.run} belongs to uid 54321`);
});

test('the command line sends nothing to a socket in a directory of someone else', async ({ skip }) => {
  if (!isRoot) skip('needs root, to become two users');
  const at = place();
  await run('install', ['-d', '-o', '54321', '-m', '755', at.run]);
  let connected = false;
  const server = createServer(() => (connected = true)).listen(at.socket);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  chmodSync(at.socket, 0o777);
  const outcome = await run(process.execPath, [join(PROJECT, 'dist/punnet.cjs'), 'ps'], {
    env: { ...at.env, HOME: '/' },
    uid: 54322,
    gid: 54322,
  });
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toContain(`${at.run} belongs to uid 54321, not to you (54322)`);
  expect(connected).toBe(false);
});

test('root does not write through a link that lies where the log should', async ({ skip }) => {
  if (!isRoot) skip('needs root: for others the data directory is their own');
  const at = place();
  await at.launch();
  process.kill(at.daemon(), 'SIGKILL');
  await gone(at.daemon());
  const victim = join(at.root, '../victim');
  writeFileSync(victim, '');
  rmSync(join(at.root, 'punnetd.log'));
  symlinkSync(victim, join(at.root, 'punnetd.log'));
  const outcome = await at.launch();
  expect(outcome.code).toBe(1);
  expect(readFileSync(victim, 'utf8')).toBe('');
});

test('programs in a checkout that only root can read are copied for the daemon', async ({ skip }) => {
  if (!isRoot) skip('needs root: others run their own checkout');
  const at = place();
  const closed = scratch('closed');
  await run('cp', ['-r', join(PROJECT, 'dist'), join(PROJECT, 'build'), closed]);
  chmodSync(closed, 0o700);
  const outcome = await run(process.execPath, [join(closed, 'dist/punnetd.cjs')], { env: at.env });
  expect(outcome).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(await ping(at.socket)).toBe('OK');
  const program = readFileSync(`/proc/${at.daemon()}/cmdline`, 'utf8').split('\0')[1]!;
  expect(program.startsWith(`${at.root}.program/`)).toBe(true);
  expect(statSync(program).uid).toBe(0);
});

test('an idle daemon ends by itself, and its namespaces with it', async () => {
  const at = place();
  await at.launch({ PUNNET_IDLE: '0.2' });
  await gone(at.daemon());
  await gone(at.holder().pid);
  expect(readFileSync(join(at.root, 'punnetd.log'), 'utf8')).toContain('stopping: idle for 0.2 s');
});

test('a socket path that the kernel would cut off is refused', async () => {
  const at = place();
  const outcome = await at.launch({ PUNNET_HOST: `unix://${at.root}/${'x'.repeat(120)}` });
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toContain('longer than 107 bytes');
});

test('what stops the daemon before it listens is the launcher’s error', async () => {
  const at = place();
  await at.launch();
  const daemon = at.daemon();
  process.kill(daemon, 'SIGKILL');
  await gone(daemon);
  rmSync(join(at.root, 'lock'));
  mkdirSync(join(at.root, 'lock'));
  const outcome = await at.launch();
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toContain(`punnetd: open ${at.root}/lock: EISDIR\n  try: make ${at.root} writable`);
  expect(outcome.stderr).not.toMatch(/^punnetd: punnetd: /);
});

test('a preflight failure is reported before anything is made', async () => {
  const at = place();
  const outcome = await run(
    'unshare',
    [
      '--user',
      '--map-root-user',
      'sh',
      '-c',
      'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"',
      'sh',
      process.execPath,
      join(PROJECT, 'dist/punnetd.cjs'),
    ],
    { env: at.env },
  );
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toContain('user-namespaces: none allowed: user.max_user_namespaces = 0');
  expect(outcome.stderr).toContain('try: ');
  expect(existsSync(at.root)).toBe(false);
});

test('uninstall ends daemon and holder and leaves no directory, nor a file of a subordinate id', async () => {
  const at = place();
  await at.launch();
  const [daemon, holder] = [at.daemon(), at.holder().pid];
  // as a container would leave it: a file of another id, in a directory that its owner alone may change
  const made = await run('nsenter', [
    ...['-t', String(holder), '-U', '-m', '-S', '0', '-G', '0', '--', 'sh', '-c'],
    `mkdir ${at.root}/x && touch ${at.root}/x/y && chown -R 1000:1000 ${at.root}/x && chmod 700 ${at.root}/x`,
  ]);
  expect(made.code).toBe(0);
  const refused = await run(process.execPath, [join(PROJECT, 'dist/punnetd.cjs'), 'uninstall'], { env: at.env });
  expect(refused.code).toBe(1);
  expect(existsSync(at.root)).toBe(true);
  const done = await run(process.execPath, [join(PROJECT, 'dist/punnetd.cjs'), 'uninstall', '--yes'], { env: at.env });
  expect(done).toMatchObject({ code: 0, stderr: '' });
  for (const path of [at.root, at.run, `${at.root}.program`, `${at.run}.root`]) expect(existsSync(path)).toBe(false);
  await gone(daemon);
  await gone(holder);
});

test('a daemon that root starts has a cgroup that it may divide, and its containers are below it', async ({ skip }) => {
  if (!isRoot) skip('needs root: others are given theirs by systemd');
  const mount = cgroup2Mount(readFileSync('/proc/self/mountinfo', 'utf8'));
  if (mount === undefined) return skip('no cgroup v2 tree is mounted');
  const at = place();
  const parent = join(mount, `pt-${process.pid}`);
  onTestFinished(async () => {
    process.kill(at.daemon(), 'SIGKILL');
    await until('the test’s cgroups are gone', () => {
      for (const path of [join(parent, 'punnetd'), parent]) rmdirSync(path);
      return true;
    });
  });
  await at.launch({ PUNNET_CGROUP: parent });
  expect(readFileSync(`/proc/${at.daemon()}/cgroup`, 'utf8')).toMatch(
    new RegExp(`^0::.*/pt-${process.pid}/punnetd$`, 'm'),
  );
  expect(statSync(parent).uid).toBe(statSync(at.root).uid);
  expect(statSync(join(parent, 'cgroup.procs')).uid).toBe(statSync(at.root).uid);
  expect(readFileSync(join(at.root, 'punnetd.log'), 'utf8')).not.toContain('is delegated');
});

test('a user whose session has no cgroup of her own is given a scope by her systemd', ({ skip }) => {
  if (isRoot) skip('root has the whole tree');
  const [mount, runtime, bin] = [scratch('cgroup'), scratch('xdg'), scratch('bin')];
  writeFileSync(join(mount, 'cgroup.controllers'), 'cpu io memory pids\n');
  writeFileSync(join(bin, 'systemd-run'), '#!/bin/sh\n', { mode: 0o755 });
  const account = thisAccount();
  const env = { PATH: bin, XDG_RUNTIME_DIR: runtime };
  expect(scopeCommand(account, { env, mount })).toBeUndefined(); // her manager does not run
  mkdirSync(join(runtime, 'systemd'));
  writeFileSync(join(runtime, 'systemd/private'), '');
  const command = scopeCommand(account, { env, mount });
  expect(command?.join(' ')).toBe(`${bin}/systemd-run --user --scope --quiet --collect --property=Delegate=yes --`);
  expect(scopeCommand(account, { env: { ...env, PUNNET_SCOPED: '1' }, mount })).toBeUndefined();
  writeFileSync(join(mount, 'cgroup.controllers'), 'hugetlb\n');
  expect(scopeCommand(account, { env, mount })).toBeUndefined(); // a hybrid host: no limits to win
});

// doctor tells cause and mending command: each failure brought about for real where an unprivileged test can, by the real
// program; where it takes another kernel, by files that say so.

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { cgroups } from '../../src/rootless/doctor/cgroup.ts';
import type { Check, Host } from '../../src/rootless/doctor/check.ts';
import { linger, ping, ports, tun } from '../../src/rootless/doctor/session.ts';
import { kernel, node } from '../../src/rootless/doctor/software.ts';
import { runtimeDirectory } from '../../src/rootless/doctor/storage.ts';
import { subordinateRange, userNamespaces } from '../../src/rootless/doctor/user-namespace.ts';
import { isRoot, need, PROJECT } from '../support/need.ts';
import { scratch } from '../support/scratch.ts';

function host(files: Record<string, string> = {}, changes: Partial<Host> = {}): Host {
  const root = scratch('host');
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return {
    root,
    account: { uid: 1000, gid: 1000, name: 'alice', asRoot: false },
    env: {},
    locations: {
      root: '/home/alice/data',
      config: '/home/alice/.config/punnet',
      run: '/run/user/1000/punnet',
      socket: '/run/user/1000/punnet/punnet.sock',
    },
    kernel: '6.1.0-18-amd64',
    node: '20.11.0',
    ...changes,
  };
}

describe('on a host that files describe', () => {
  test('an old kernel and an old node fail', () => {
    expect(kernel(host({}, { kernel: '5.10.0-28-amd64' }))).toMatchObject({ status: 'fail', fix: /upgrade/ });
    expect(kernel(host({}, { kernel: '5.12.0' })).status).toBe('ok');
    expect(kernel(host({}, { kernel: '5.11.22' })).status).toBe('fail');
    expect(kernel(host({}, { kernel: '6.1.0' })).status).toBe('ok');
    expect(node(host({}, { node: '18.19.0' }))).toMatchObject({ status: 'fail' });
  });

  test('each sysctl that forbids user namespaces is named with the command that allows them', async () => {
    const zero = await userNamespaces(host({ 'proc/sys/user/max_user_namespaces': '0\n' }));
    expect(zero).toMatchObject({ status: 'fail', detail: 'none allowed: user.max_user_namespaces = 0' });
    expect(zero.fix).toContain('user.max_user_namespaces = 65536');
    const debian = await userNamespaces(host({ 'proc/sys/kernel/unprivileged_userns_clone': '0\n' }));
    expect(debian).toMatchObject({
      status: 'fail',
      fix: expect.stringContaining('kernel.unprivileged_userns_clone = 1'),
    });
  });

  test('an account without subordinate ids gets a usermod line that collides with nobody', () => {
    const check = subordinateRange(host({ 'etc/subuid': 'bob:100000:65536\n', 'etc/subgid': 'bob:100000:65536\n' }));
    expect(check).toMatchObject({
      status: 'fail',
      detail: 'alice has no range in /etc/subuid and /etc/subgid',
      fix: 'sudo usermod --add-subuids 165536-231071 --add-subgids 165536-231071 alice',
    });
  });

  test('a range that is too small for usual images is a warning', () => {
    const files = { 'etc/subuid': 'alice:100000:1000\n', 'etc/subgid': 'alice:100000:65536\n' };
    expect(subordinateRange(host(files))).toMatchObject({ status: 'warn', breaks: expect.stringContaining('1001') });
  });

  test('cgroup v1 and hybrid hosts are told that limits are applied nowhere', () => {
    const v1 = '30 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n';
    const v2 = '31 25 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n';
    expect(cgroups(host({ 'proc/self/mountinfo': v1 }))).toMatchObject({ status: 'warn', detail: 'cgroup v1 only' });
    const hybrid = cgroups(host({ 'proc/self/mountinfo': v1 + v2 }));
    expect(hybrid).toMatchObject({ status: 'warn', breaks: expect.stringContaining('--memory') });
  });

  test('controllers that systemd did not delegate are named with the exact drop-in', () => {
    const own = 'sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service';
    const files = {
      'proc/self/mountinfo': '31 25 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n',
      [`${own}/cgroup.procs`]: '',
      [`${own}/cgroup.controllers`]: 'memory pids\n',
    };
    const check = cgroups(host(files));
    expect(check).toMatchObject({
      status: 'warn',
      detail: expect.stringContaining('without the controllers cpu, cpuset, io'),
    });
    expect(check.fix).toContain('Delegate=cpu cpuset io memory pids');
    files[`${own}/cgroup.controllers`] = 'cpuset cpu io memory pids\n';
    expect(cgroups(host(files)).status).toBe('ok');
  });

  test('no /dev/net/tun, a ping range without the user, privileged ports, no linger: each says what it breaks', () => {
    const files = {
      'proc/sys/net/ipv4/ping_group_range': '1\t0\n',
      'proc/sys/net/ipv4/ip_unprivileged_port_start': '1024\n',
      'run/systemd/system/x': '',
    };
    for (const probe of [tun, ping, ports, linger]) {
      const check = probe(host(files)) as Check;
      expect(check, check.name).toMatchObject({ status: 'warn', breaks: expect.any(String), fix: expect.any(String) });
    }
    const mended = {
      'dev/net/tun': '',
      'proc/sys/net/ipv4/ping_group_range': '0\t2147483647\n',
      'proc/sys/net/ipv4/ip_unprivileged_port_start': '80\n',
      'run/systemd/system/x': '',
      'var/lib/systemd/linger/alice': '',
    };
    for (const probe of [tun, ping, ports, linger]) expect((probe(host(mended)) as Check).status).toBe('ok');
  });

  test('a runtime directory whose sockets would have too long a name fails', () => {
    const run = `/tmp/${'x'.repeat(70)}`;
    const check = runtimeDirectory(
      host({}, { locations: { root: '/r', config: '/c', run, socket: `${run}/punnet.sock` } }),
    );
    expect(check).toMatchObject({ status: 'fail', detail: expect.stringContaining('75 bytes') });
  });
});

const missing = need('built', 'subids');

describe('by the program, on this machine', () => {
  beforeEach(({ skip }) => {
    if (missing) skip(missing);
  });

  /** Runs `punnetd doctor --json` after `script` in a shell; `script` ends in what execs "$@". */
  function doctor(script: string, env: NodeJS.ProcessEnv = {}): { code: number | null; of(name: string): Check } {
    const home = scratch('doctor');
    chmodSync(home, 0o755);
    const program = [process.execPath, join(PROJECT, 'dist/punnetd.cjs'), 'doctor', '--json'];
    const { stdout, stderr, status } = spawnSync('sh', ['-c', script, 'sh', ...program], {
      cwd: home,
      encoding: 'utf8',
      env: { ...process.env, HOME: home, PUNNET_ROOT: join(home, 'data'), PUNNET_RUN: join(home, 'run'), ...env },
    });
    if (!stdout.startsWith('[')) throw new Error(`${script}: ${stdout}${stderr}`);
    const checks = JSON.parse(stdout) as Check[];
    return { code: status, of: (name) => checks.find((check) => check.name === name)! };
  }

  test('a host that runs these tests passes, with exit code 0', () => {
    const { code, of } = doctor('exec "$@"');
    for (const name of [
      'node',
      'kernel',
      'native-part',
      'user-namespaces',
      'subordinate-ids',
      'newuidmap',
      'overlay',
    ]) {
      expect(of(name), name).toMatchObject({ status: 'ok' });
    }
    expect(code).toBe(0);
  });

  test('where the kernel allows no user namespaces, it says so, with exit code 1', () => {
    // /proc/sys/user belongs to each user namespace: set to 0 in a throw-away one
    const { code, of } = doctor(
      'exec unshare --user --map-root-user sh -c \'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"\' sh "$@"',
    );
    expect(of('user-namespaces')).toMatchObject({
      status: 'fail',
      detail: 'none allowed: user.max_user_namespaces = 0',
      fix: expect.stringContaining('sysctl'),
    });
    expect(code).toBe(1);
  });

  test('a PATH without newuidmap fails with the package that has it', ({ skip }) => {
    if (isRoot) skip('root needs no newuidmap');
    const bin = scratch('bin');
    for (const name of ['sh', 'unshare', 'mount', 'mkdir', 'mknod', 'chmod', 'true']) {
      const found = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
      if (found.startsWith('/')) symlinkSync(found, join(bin, name));
    }
    const { code, of } = doctor('exec "$@"', { PATH: bin });
    expect(of('newuidmap')).toMatchObject({
      status: 'fail',
      detail: 'newuidmap is not in PATH',
      fix: 'sudo apt-get install -y uidmap',
    });
    expect(code).toBe(1);
  });

  test('a session with no_new_privs fails, because newuidmap cannot become root', ({ skip }) => {
    if (isRoot) skip('root needs no newuidmap');
    expect(doctor('exec setpriv --no-new-privs "$@"').of('newuidmap')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('no_new_privs'),
    });
  });

  test('a uid without account and without ranges fails with the usermod line', ({ skip }) => {
    if (!isRoot) skip('needs root, to become another user');
    const { code, of } = doctor('chown 54321 . && exec setpriv --reuid 54321 --regid 54321 --clear-groups "$@"');
    expect(of('subordinate-ids')).toMatchObject({
      status: 'fail',
      detail: '54321 has no range in /etc/subuid and /etc/subgid',
      fix: expect.stringMatching(/^sudo usermod --add-subuids \d+-\d+ --add-subgids \d+-\d+ 54321$/),
    });
    expect(code).toBe(1);
  });

  const inMounts = (script: string) => `exec unshare --user --map-root-user --mount sh -c '${script}' sh "$@"`;

  test('a data directory that is itself on an overlay fails, and the fix says to move it', () => {
    const { code, of } = doctor(
      inMounts(
        'mkdir l u w data && mount -t overlay -o userxattr,lowerdir=l,upperdir=u,workdir=w overlay data && exec "$@"',
      ),
    );
    expect(of('overlay')).toMatchObject({ status: 'fail', fix: expect.stringContaining('keep the data elsewhere') });
    expect(code).toBe(1);
  });

  test('a data directory mounted noexec and nosuid will do: the overlay is a mount of its own', () => {
    const { of } = doctor(inMounts('mkdir data && mount -t tmpfs -o noexec,nosuid tmpfs data && exec "$@"'));
    expect(of('overlay')).toMatchObject({ status: 'ok' });
  });

  test('a full disk fails with the room that is left', () => {
    const { of } = doctor(inMounts('mkdir data && mount -t tmpfs -o size=1m tmpfs data && exec "$@"'));
    expect(of('disk-space')).toMatchObject({ status: 'fail', detail: expect.stringContaining('1 MiB free') });
  });

  test('a read-only data directory fails', () => {
    const { of } = doctor(inMounts('mkdir data && mount -t tmpfs -o ro tmpfs data && exec "$@"'));
    expect(of('data-directory')).toMatchObject({ status: 'fail', detail: expect.stringContaining('EROFS') });
  });

  test('a missing /dev/net/tun is a warning, since --network none needs none', () => {
    const { code, of } = doctor(inMounts('mount -t tmpfs tmpfs /dev/net && exec "$@"'));
    expect(of('tun')).toMatchObject({ status: 'warn', detail: '/dev/net/tun: ENOENT', fix: /modprobe tun/ });
    expect(code).toBe(0);
  });
});

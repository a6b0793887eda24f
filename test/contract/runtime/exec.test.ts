// exec: a further process of a container.

import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../../support/until.ts';
import { everyRuntime, type Container } from './runtime.ts';
import { NO_ROOT, unless } from '../unless.ts';

everyRuntime('exec', (runtime, name, who) => {
  const exec = async (box: Container, ...args: string[]) =>
    runtime().call('exec', ...args.slice(0, -1), box.id, 'sh', '-c', args.at(-1)!);

  test('ends with the exit status of its command', async () => {
    const box = await runtime().start();
    expect((await exec(box, 'exit 21')).code).toBe(21);
  });

  test('its streams are its own', async () => {
    const box = await runtime().start();
    const { stdout, stderr } = await exec(box, 'echo out; echo err >&2');
    expect([stdout, stderr]).toEqual(['out\n', 'err\n']);
  });

  test('it is in every namespace of the container', async () => {
    const box = await runtime().start(
      'cd /proc/self/ns; for n in mnt pid net ipc uts user; do readlink $n; done; exec sleep 1000',
    );
    // A line at a time comes out of it.
    const own = await until('it has said all', () => /^(\S+\n){6}$/.exec(runtime().text(box))?.[0].trim());
    const { stdout } = await exec(box, 'cd /proc/self/ns; for n in mnt pid net ipc uts user; do readlink $n; done');
    expect(stdout.trim()).toBe(own);
  });

  test('its capabilities are those of the container', async () => {
    const box = await runtime().start('grep -E "Cap(Prm|Eff|Bnd)" /proc/self/status; exec sleep 1000');
    const own = await until('it has said', () => runtime().text(box).trim());
    expect((await exec(box, 'grep -E "Cap(Prm|Eff|Bnd)" /proc/self/status')).stdout.trim()).toBe(own);
  });

  test('no_new_privs is that of the container', async () => {
    const box = await runtime().start();
    expect((await exec(box, 'grep NoNewPrivs /proc/self/status')).stdout).toContain('1');
  });

  test('a seccomp filter of the container binds it', async () => {
    const box = await runtime().start('exec sleep 1000', (spec) => {
      spec.linux!.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        architectures: ['SCMP_ARCH_X86_64'],
        syscalls: [{ names: ['sethostname', 'mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }],
      };
    });
    const { stdout, stderr } = await exec(box, 'mkdir /dev/shm/x || echo refused; grep Seccomp: /proc/self/status');
    expect(stderr).toContain('not permitted');
    expect(stdout).toMatch(/refused\nSeccomp:\s+2/);
  });

  test('--env and --cwd', async () => {
    const box = await runtime().start();
    const { stdout } = await exec(box, '--env', 'A=one', '--env', 'B=two=2', '--cwd', '/tmp', 'echo $A $B; pwd');
    expect(stdout).toBe('one two=2\n/tmp\n');
  });

  test('the variables of the container are there', async () => {
    const box = await runtime().start('exec sleep 1000', (spec) => spec.process!.env!.push('FROM_CONFIG=yes'));
    expect((await exec(box, 'echo $FROM_CONFIG')).stdout).toBe('yes\n');
  });

  unless(who === 'user', NO_ROOT)('--user', async () => {
    const box = await runtime().start();
    expect((await exec(box, '--user', '1000:1001', 'id -u; id -g')).stdout).toBe('1000\n1001\n');
  });

  unless(who === 'user', NO_ROOT)('the host’s /dev/null keeps its owner when the user is another', async () => {
    const box = await runtime().start();
    await exec(box, '--user', '1000', 'true');
    expect(statSync('/dev/null')).toMatchObject({ uid: 0, gid: 0 });
  });

  test('--cap adds a capability', async () => {
    const all = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE', 'CAP_CHOWN'];
    const box = await runtime().start(
      'exec sleep 1000',
      (spec) =>
        (spec.process!.capabilities = { bounding: all, permitted: all.slice(0, 3), effective: all.slice(0, 3) }),
    );
    const { stdout, code } = await exec(box, '--cap', 'CAP_CHOWN', 'grep CapEff /proc/self/status');
    expect(code).toBe(0);
    expect(BigInt(`0x${stdout.trim().split(/\s+/)[1]}`) & 1n).toBe(1n);
  });

  test('--process takes everything from a file', async () => {
    const box = await runtime().start();
    const file = join(box.bundle, 'process.json');
    const process = {
      user: { uid: 0, gid: 0 },
      args: ['sh', '-c', 'echo $X; pwd; exit 4'],
      env: ['PATH=/bin', 'X=y'],
      cwd: '/etc',
      terminal: false,
    };
    writeFileSync(file, JSON.stringify(process));
    const { code, stdout } = await runtime().call('exec', '--process', file, box.id);
    expect([code, stdout]).toEqual([4, 'y\n/etc\n']);
  });

  test('--detach returns while the command runs, and --pid-file names it', async () => {
    const box = await runtime().start();
    const file = join(box.bundle, 'exec-pid');
    await runtime().detached(['exec', '--detach', '--pid-file', file, box.id, 'sleep', '999'], box.bundle);
    const pid = Number(runtime().text(box, 'exec-pid'));
    expect(pid).toBeGreaterThan(0);
    expect(statSync(`/proc/${pid}`).isDirectory()).toBe(true);
  });

  test('a command that does not exist is an error that names it', async () => {
    const box = await runtime().start();
    const { code, stderr } = await runtime().call('exec', box.id, 'no-such-command');
    expect(code).toBeGreaterThanOrEqual(name === 'crun' ? 1 : 255);
    expect(stderr).toContain('no-such-command');
    expect(stderr).toMatch(/executable file.*not found in \$PATH/);
  });

  // Until its start the first process is ours, and who is not root may not look into it: not even its own user.
  unless(name === 'punnet-runc' && who === 'user', 'init is not dumpable before its start, so no user may join it')(
    'in a created container it works before the start',
    async () => {
      const box = await runtime().create('exec sleep 1000');
      expect((await exec(box, 'echo early')).stdout).toBe('early\n');
    },
  );

  test('in a stopped container it is refused', async () => {
    const box = await runtime().start('true');
    await runtime().becomes(box.id, 'stopped');
    expect((await exec(box, 'true')).code).not.toBe(0);
  });

  test('in no container it is refused', async () => {
    expect((await runtime().call('exec', 'no-such', 'true')).code).not.toBe(0);
  });

  test('the container does not end with it', async () => {
    const box = await runtime().start();
    await exec(box, 'kill -9 $$');
    expect((await runtime().state(box.id)).status).toBe('running');
  });

  test('it is in the container’s cgroup', async () => {
    const box = await runtime().start();
    const { pid } = await runtime().state(box.id);
    const file = join(box.bundle, 'exec-pid');
    await runtime().detached(['exec', '--detach', '--pid-file', file, box.id, 'sleep', '999'], box.bundle);
    const { readFileSync } = await import('node:fs');
    const of = (each: string | number) =>
      readFileSync(`/proc/${each}/cgroup`, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('0::'));
    expect(of(runtime().text(box, 'exec-pid'))).toEqual(of(pid));
  });
});

// podman on punnet-runc, as root and as an unprivileged user: what its users do every day.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeBundle, unmet, type Bundle, type Who } from '../../runtime/bundle.ts';
import { claims } from '../../support/claims.ts';
import { isRoot, need, PROJECT } from '../../support/need.ts';
import { run, which, type Outcome } from '../../support/process.ts';
import { until } from '../../support/until.ts';
import { unless } from '../unless.ts';

const missing = (who: Who) =>
  unmet(who) ?? need('built') ?? (which('podman') ? undefined : 'podman is not installed (apt-get install podman)');

for (const who of ['root', 'user'] as const) {
  claims(`podman on punnet-runc, as ${who}`, missing(who), () => {
    let bundle: Bundle | undefined;
    let home = '';
    const podman = (...args: string[]): Promise<Outcome> => {
      const prefix = ['--root', join(home, 'root'), '--runroot', join(home, 'run'), '--tmpdir', join(home, 'tmp')];
      prefix.push('--cgroup-manager', 'cgroupfs', '--events-backend', 'file');
      prefix.push('--runtime', join(PROJECT, 'bin/punnet-runc'));
      const env = {
        PATH: process.env.PATH,
        HOME: home,
        XDG_RUNTIME_DIR: join(home, 'xdg'),
        CONTAINERS_CONF: join(home, 'conf'),
      };
      return run('podman', [...prefix, ...args], { env, cwd: home, ...(isRoot ? bundle!.ids : {}) });
    };
    const box = (...args: string[]) => podman('run', '--network', 'none', ...args);

    beforeAll(async () => {
      bundle = makeBundle(who);
      home = join(bundle.directory, 'home');
      mkdirSync(join(home, 'xdg'), { recursive: true });
      chmodSync(join(home, 'xdg'), 0o700);
      // Podman raises limits to a million by default, which takes CAP_SYS_RESOURCE on the host.
      writeFileSync(join(home, 'conf'), '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n');
      execFileSync('tar', ['-C', bundle.rootfs, '--owner=0', '--group=0', '-cf', join(home, 'box.tar'), '.']);
      bundle.own(home);
      expect(await podman('import', join(home, 'box.tar'), 'box')).toMatchObject({ code: 0 });
    });
    afterAll(async () => {
      if (!bundle) return;
      await podman('rm', '--all', '--force', '--time', '0');
      // Files of subordinate ids are the user's only inside the user namespace.
      if (who === 'user') await podman('unshare', 'rm', '-rf', join(home, 'root'));
      rmSync(home, { recursive: true, force: true });
      bundle.remove();
    });

    test('run: output and exit status', async () => {
      expect(await box('--rm', 'box', 'sh', '-c', 'echo hello; exit 3')).toMatchObject({ stdout: 'hello\n', code: 3 });
    });

    test('a command that does not exist is 127, one that may not be executed 126', async () => {
      expect((await box('--rm', 'box', 'no-such-command')).code).toBe(127);
      expect((await box('--rm', 'box', '/etc/passwd')).code).toBe(126);
    });

    test('exec, logs and stop', async () => {
      const script = `trap 'exit 9' TERM; echo line; while :; do sleep 0.1; done`;
      expect((await box('--detach', '--name', 'stay', 'box', 'sh', '-c', script)).code).toBe(0);
      await until('it has said a line', async () => (await podman('logs', 'stay')).stdout === 'line\n');
      expect(await podman('exec', 'stay', 'sh', '-c', 'echo inside; exit 4')).toMatchObject({
        stdout: 'inside\n',
        code: 4,
      });
      await podman('stop', '--time', '20', 'stay');
      const { stdout } = await podman('inspect', '--format', '{{.State.Status}} {{.State.ExitCode}}', 'stay');
      expect(stdout).toBe('exited 9\n');
    });

    test('a health check is run by exec', async () => {
      await box(
        '--detach',
        '--name',
        'sound',
        '--health-cmd',
        'test -e /bin/sh',
        '--health-interval',
        'disable',
        'box',
        'sleep',
        '1000',
      );
      expect((await podman('healthcheck', 'run', 'sound')).code).toBe(0);
      await podman('rm', '--force', '--time', '0', 'sound');
    });

    unless(who === 'user', 'podman refuses it without root on cgroup v1')('pause and unpause', async () => {
      await box('--detach', '--name', 'still', 'box', 'sleep', '1000');
      const status = async () => (await podman('inspect', '--format', '{{.State.Status}}', 'still')).stdout.trim();
      expect((await podman('pause', 'still')).code).toBe(0);
      expect(await status()).toBe('paused');
      expect((await podman('unpause', 'still')).code).toBe(0);
      expect(await status()).toBe('running');
      await podman('rm', '--force', '--time', '0', 'still');
    });
  });
}

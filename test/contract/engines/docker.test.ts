// Docker on punnet-runc: a real dockerd, told of it by --add-runtime, and the same commands on runc beside it; docker-compose.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeBundle, unmet, type Bundle } from '../../runtime/bundle.ts';
import { claims } from '../../support/claims.ts';
import { startDockerd, type Dockerd } from '../../support/docker.ts';
import { need, PROJECT } from '../../support/need.ts';
import { mustRun, run } from '../../support/process.ts';
import { until } from '../../support/until.ts';
import { unless } from '../unless.ts';

for (const runtime of ['punnet', 'runc']) {
  claims(`docker run --runtime ${runtime}`, unmet('root') ?? need('built', 'docker', 'docker-cli'), () => {
    let dockerd: Dockerd | undefined;
    let bundle: Bundle | undefined;
    const docker = (...args: string[]) => run('docker', ['-H', `unix://${dockerd!.socket}`, ...args]);
    const box = (...args: string[]) => docker('run', '--runtime', runtime, '--network', 'none', ...args);

    beforeAll(async () => {
      bundle = makeBundle('root');
      dockerd = await startDockerd({ runtimes: { punnet: join(PROJECT, 'bin/punnet-runc') } });
      const tar = join(bundle.directory, 'box.tar');
      execFileSync('tar', ['-C', bundle.rootfs, '--owner=0', '--group=0', '-cf', tar, '.']);
      await mustRun('docker', ['-H', `unix://${dockerd.socket}`, 'import', tar, 'box']);
    });
    afterAll(async () => {
      await dockerd?.stop();
      bundle?.remove();
    });

    test('output, exit status, streams', async () => {
      const ran = await box('--rm', 'box', 'sh', '-c', 'echo out; echo err >&2; exit 3');
      expect(ran).toMatchObject({ stdout: 'out\n', stderr: 'err\n', code: 3 });
    });

    test('a command that does not exist is 127, a directory 126', async () => {
      expect((await box('--rm', 'box', 'no-such-command')).code).toBe(127);
      expect((await box('--rm', 'box', '/etc')).code).toBe(126);
    });

    test('user, directory, variables, read-only root, tmpfs, bind, hostname', async () => {
      const flags = [
        '--user',
        '33',
        '--read-only',
        '--tmpfs',
        '/tmp',
        '--workdir',
        '/tmp',
        '--env',
        'A=1',
        '--hostname',
        'apple',
      ];
      const script = 'id -u; pwd; echo $A; hostname; touch /x 2>/dev/null || echo refused; ls /mine | head -1';
      const { stdout } = await box(
        '--rm',
        ...flags,
        '--volume',
        `${bundle!.rootfs}:/mine:ro`,
        'box',
        'sh',
        '-c',
        script,
      );
      expect(stdout).toBe('33\n/tmp\n1\napple\nrefused\nbin\n');
    });

    test('--init is process 1', async () => {
      expect((await box('--rm', '--init', 'box', 'cat', '/proc/1/comm')).stdout).toBe('docker-init\n');
    });

    test('exec, top, pause, logs, stop', async () => {
      const script = `trap 'exit 9' TERM; echo line; while :; do sleep 0.1; done`;
      expect((await box('--detach', '--name', 'stay', 'box', 'sh', '-c', script)).code).toBe(0);
      expect(await docker('exec', 'stay', 'sh', '-c', 'echo inside; exit 4')).toMatchObject({
        stdout: 'inside\n',
        code: 4,
      });
      expect((await docker('exec', '--user', '1000', 'stay', 'id', '-u')).stdout).toBe('1000\n');
      expect((await docker('top', 'stay')).stdout).toContain('while :');
      expect((await docker('pause', 'stay')).code).toBe(0);
      expect((await docker('inspect', '-f', '{{.State.Status}}', 'stay')).stdout).toBe('paused\n');
      expect((await docker('unpause', 'stay')).code).toBe(0);
      await until('it has said a line', async () => (await docker('logs', 'stay')).stdout === 'line\n');
      await docker('stop', '--time', '20', 'stay');
      expect((await docker('inspect', '-f', '{{.State.ExitCode}}', 'stay')).stdout).toBe('9\n');
      await docker('rm', 'stay');
    });

    const compose = need('docker-compose');
    unless(compose !== undefined, compose ?? '')('docker-compose brings up a project that names it', async () => {
      const project = join(bundle!.directory, 'project');
      mkdirSync(project);
      const services = { web: { image: 'box', runtime, network_mode: 'none', command: ['sleep', '1000'] } };
      writeFileSync(join(project, 'docker-compose.yml'), JSON.stringify({ version: '2.4', services }));
      const line = (...args: string[]) =>
        mustRun('docker-compose', ['-H', `unix://${dockerd!.socket}`, ...args], { cwd: project });
      await line('up', '--detach');
      expect((await line('exec', '-T', 'web', 'cat', '/proc/1/comm')).stdout).toBe('sleep\n');
      const id = (await line('ps', '--quiet', 'web')).stdout.trim();
      expect((await docker('inspect', '-f', '{{.HostConfig.Runtime}}', id)).stdout).toBe(`${runtime}\n`);
      await line('down', '--timeout', '0');
      expect((await docker('ps', '--all', '--quiet')).stdout).toBe('');
    });

    test('a health check makes it healthy', async () => {
      await box(
        '--detach',
        '--name',
        'sound',
        '--health-cmd',
        'true',
        '--health-interval',
        '1s',
        'box',
        'sleep',
        '1000',
      );
      await until('it is healthy', async () => {
        return (await docker('inspect', '-f', '{{.State.Health.Status}}', 'sound')).stdout === 'healthy\n';
      });
      await docker('rm', '--force', 'sound');
    });
  });
}

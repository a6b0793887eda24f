// containerd on punnet-runc, driven by its own ctr, and the same commands on runc beside it: what a Kubernetes node does to a
// runtime, without the images.

import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeBundle, unmet, type Bundle } from '../../runtime/bundle.ts';
import { claims } from '../../support/claims.ts';
import { need, PROJECT } from '../../support/need.ts';
import { background, run, which, type Background } from '../../support/process.ts';
import { makeScratch, until } from '../../support/until.ts';

const absent = ['containerd', 'ctr', 'runc'].find((program) => !which(program));
const missing =
  unmet('root') ?? need('built') ?? (absent ? `${absent} is not installed (apt-get install docker.io)` : undefined);

for (const runtime of ['punnet-runc', 'runc']) {
  claims(`containerd on ${runtime}`, missing, () => {
    let bundle: Bundle | undefined;
    let service: Background | undefined;
    let home = '';
    const program = runtime === 'runc' ? which('runc')! : join(PROJECT, 'bin/punnet-runc');
    const ctr = (...args: string[]) => run('ctr', ['--address', join(home, 'sock'), ...args]);
    const box = (flags: string[], id: string, ...command: string[]) => {
      const on = ['--runtime', 'io.containerd.runc.v2', '--runc-binary', program, '--env', 'PATH=/bin'];
      return ctr('run', ...on, ...flags, '--rootfs', bundle!.rootfs, id, ...command);
    };
    const status = async (id: string) =>
      (await ctr('task', 'ls')).stdout.split('\n').flatMap((line) => {
        const [name, , state] = line.split(/\s+/);
        return name === id ? [state] : [];
      })[0];

    beforeAll(async () => {
      bundle = makeBundle('root');
      home = makeScratch('containerd');
      chmodSync(home, 0o711);
      mkdirSync(join(home, 'state'));
      const config = [
        'version = 2',
        `root = "${home}/root"`,
        `state = "${home}/state"`,
        'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
        `[grpc]\naddress = "${home}/sock"`,
      ];
      writeFileSync(join(home, 'config.toml'), config.join('\n'));
      const own = ['--mount', '--propagation', 'slave'];
      service = background('unshare', [...own, which('containerd')!, '--config', join(home, 'config.toml')]);
      await until('containerd answers', async () => {
        if (service!.child.exitCode !== null) throw new Error(`containerd ended: ${service!.output()}`);
        return (await ctr('version')).code === 0;
      });
    });
    afterAll(async () => {
      await service?.stop();
      rmSync(home, { recursive: true, force: true });
      bundle?.remove();
    });

    test('run: output and exit status', async () => {
      const ran = await box(['--rm'], 'once', 'sh', '-c', 'echo out; echo err >&2; exit 3');
      expect(ran).toMatchObject({ stdout: 'out\n', code: 3 });
      expect(ran.stderr).toContain('err');
    });

    test('a command that does not exist is said by its name', async () => {
      const { stderr, code } = await box(['--rm'], 'lost', 'no-such-command');
      expect(code).not.toBe(0);
      expect(stderr).toContain('exec: "no-such-command": executable file not found in $PATH');
    });

    test('exec, ps, pause, resume, kill, delete', async () => {
      expect(await box(['--detach'], 'stay', 'sleep', '1000')).toMatchObject({ code: 0 });
      expect(await status('stay')).toBe('RUNNING');
      const exec = await ctr('task', 'exec', '--exec-id', 'one', 'stay', 'sh', '-c', 'echo inside; exit 4');
      expect(exec).toMatchObject({ stdout: 'inside\n', code: 4 });
      expect((await ctr('task', 'ps', 'stay')).stdout.trim().split('\n')).toHaveLength(2);
      expect((await ctr('task', 'pause', 'stay')).code).toBe(0);
      expect(await status('stay')).toBe('PAUSED');
      expect((await ctr('task', 'resume', 'stay')).code).toBe(0);
      expect(await status('stay')).toBe('RUNNING');
      expect((await ctr('task', 'kill', '--signal', 'SIGKILL', 'stay')).code).toBe(0);
      await until('it has stopped', async () => (await status('stay')) === 'STOPPED');
      await ctr('task', 'rm', 'stay');
      expect((await ctr('container', 'rm', 'stay')).code).toBe(0);
      expect((await ctr('container', 'ls', '--quiet')).stdout.trim()).toBe('');
    });

    test('--cwd, --read-only and --mount reach the program', async () => {
      const mount = `type=bind,src=${bundle!.directory},dst=/mnt,options=rbind:ro`;
      const flags = ['--rm', '--cwd', '/tmp', '--read-only', '--mount', mount];
      const ran = await box(flags, 'set', 'sh', '-c', 'pwd; ls -d /mnt/rootfs; touch /x || echo refused');
      expect(ran.stdout).toBe('/tmp\n/mnt/rootfs\nrefused\n');
    });
  });
}

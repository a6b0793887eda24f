// Docker's own CLI and punnet's on one real dockerd: the same words give the same output, errors and exit codes. Ids, times
// and the program's name are made equal before; what else differs is listed with its reason.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDockerd, type Dockerd } from '../support/docker.ts';
import { need, PROJECT } from '../support/need.ts';
import { run, which, type Outcome } from '../support/process.ts';
import { makeScratch } from '../support/until.ts';

const skip = need('docker', 'docker-cli') ?? (which('busybox') ? undefined : 'busybox is not installed');

/** Nothing here changes what the daemon has. */
const LOOK = [
  'ps',
  'ps -a',
  'ps -aq',
  'ps -a --no-trunc',
  'ps -as',
  'ps -l',
  'ps -n 2',
  'ps -a --filter status=exited',
  'ps -a --filter label=a=b --format {{.Names}}',
  'ps -a --format {{json .}}',
  String.raw`ps -a --format table·{{.ID}}\t{{.Names}}\t{{.Labels}}\t{{.Mounts}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.State}}`,
  String.raw`ps -a --format table·{{upper·.Names}}\t{{.Label·"com.x.y-z"}}\t{{json·.Image}}`,
  'ps -a --format {{.Names}}:·{{.Command}}·{{.CreatedAt}}·{{.Ports}}',
  'ps -a --format raw',
  'ps -aq --format {{.ID}}',
  'ps -a --format {{.Foo}}',
  'ps -a --format {{foo}}',
  'ps -a --format {{.Names.Foo}}',
  'ps --filter foo',
  'ps --filter foo=bar',
  'ps extra',
  'ps --foo',
  'container ls -a',
  'container list -aq',
  'images',
  'images -q',
  'images --digests',
  'images --no-trunc',
  'images busybox',
  'images nope',
  'images ls',
  'images --format {{json .}}',
  String.raw`images --format table·{{.Repository}}\t{{.Tag}}\t{{.CreatedAt}}\t{{.Containers}}\t{{.VirtualSize}}\t{{.UniqueSize}}`,
  'images --format raw',
  'images --filter dangling=true',
  'image ls',
  'inspect up',
  'inspect up busybox',
  'inspect nope up',
  'inspect --size ex',
  'inspect --type image busybox',
  'container inspect up ex',
  'container inspect nope',
  'image inspect busybox',
  'inspect -f {{.Name}}·{{.State.Status}}·{{.State.ExitCode}} up ex cr',
  'inspect -f {{json·.State}} ex',
  'inspect -f {{json·.Config}} up',
  'inspect -f json up',
  'inspect -f {{.Config.Cmd}}·{{.Config.Env}}·{{.Config.Labels}} up',
  'inspect -f {{range·.Config.Env}}{{println·.}}{{end}} up',
  'inspect -f {{range·$k,·$v·:=·.Config.Labels}}{{$k}}={{$v}};{{end}} up',
  'inspect -f {{index·.Config.Labels·"a"}}·{{index·.Config.Labels·"nope"}}. up',
  'inspect -f {{.State.Health}} ex',
  'inspect -f {{.HostConfig.CapAdd}}·{{.Config.Entrypoint}}·{{.Config.Volumes}}·{{.Config.ExposedPorts}} up',
  'inspect -f {{.Nope}} up',
  'inspect -f {{.Config.Nope}} up',
  'inspect -f {{.nope up',
  'inspect -f {{(index·.Mounts·0).Destination}} up',
  'inspect -f {{join·.Config.Cmd·","}} up',
  'logs up',
  'logs -t ex',
  'logs --tail 1 up',
  'logs --since 1h up',
  'logs --since 2030-01-01 up',
  'logs --since x up',
  'logs tty',
  'logs nope',
  'port up',
  'port up 80',
  'port nope',
  'system df',
  'system df --format {{json·.}}',
  'system df -v',
  'version -f {{.Server.Version}}',
  'info -f {{.ServerVersion}}·{{.CgroupDriver}}',
  'info -f {{json·.Plugins}}',
  'wait ex',
  'wait nope',
  'attach ex',
  'attach nope',
  'start nope nope2',
  'stop nope',
  'stop',
  'stop -t x a',
  'kill nope',
  'kill ex',
  'restart nope',
  'rename a',
  'rename up ex',
  'rename nope x',
  'rm up',
  'rm nope',
  'rm -f nope',
  'rmi nope nope2',
  'rmi -f nope',
  'tag nope x',
  'tag busybox UPPER',
  'tag a b c',
  'pull UPPER',
  'pull',
  'image foo',
  'image --foo',
  'system foo',
  'help rnu',
  '--foo',
  'run',
  'run --foo busybox',
  'run -Z busybox',
  'run --name',
  'run --memory abc busybox',
  'run --pull foo busybox',
  'run --pull never nope',
  'run UPPER',
  'run -it busybox true',
  'run -d -a stdout busybox true',
  'run --cidfile /etc/passwd busybox',
  'run --env-file /nope busybox',
  'run --network nonet busybox true',
  'run --ipc foo busybox',
  'run --stop-signal FOO busybox',
  'run --name . busybox',
  'run --tmpfs foo busybox',
];

/** These make containers that remove themselves. */
const RUN = [
  'busybox sh -c echo·out;·echo·err·>&2;·exit·4',
  'busybox nothere',
  'busybox /bin',
  'busybox sh -c kill·-9·$$',
  '-a stdout busybox sh -c echo·o;·echo·e·>&2',
  '-a stderr busybox sh -c echo·o;·echo·e·>&2',
  '-t busybox sh -c echo·tty;·exit·9',
  '-i busybox cat',
  '-e A=1 -e A=2 busybox sh -c echo·$A',
  '--entrypoint= busybox echo x',
  '-w /tmp -h host busybox sh -c pwd;·hostname',
  '-u nosuchuser busybox true',
  '--read-only busybox touch /x',
  '--memory-swap 1m busybox true',
  '--cap-add FOO busybox true',
  '-v a:b:c:d busybox true',
  '--mount type=bind,source=/nope/x,target=/y busybox true',
  '--dns 127.0.0.1 busybox true',
];

describe.skipIf(skip)(`docker and punnet on one dockerd${skip ? ` (skipped: ${skip})` : ''}`, () => {
  const directory = makeScratch('same-as-docker');
  const bundle = join(directory, 'punnet.cjs');
  let dockerd: Dockerd;
  let docker: (...words: string[]) => Promise<Outcome>;
  let punnet: typeof docker;

  beforeAll(async () => {
    await build({
      ...{ entryPoints: [join(PROJECT, 'src/punnet.ts')], outfile: bundle, bundle: true },
      ...{ platform: 'node', format: 'cjs', logLevel: 'silent' },
    });
    dockerd = await startDockerd();
    const host = ['-H', `unix://${dockerd.socket}`];
    const env = { PATH: process.env.PATH!, HOME: directory };
    docker = (...words) => run('docker', [...host, ...words], { env });
    punnet = (...words) => run(process.execPath, ['--', bundle, ...host, ...words], { env });
    await importBusybox(directory, docker);
    const idle = ['--network', 'none', 'busybox'];
    const marks = ['--label', 'a=b', '--label', 'com.x.y-z=w', '-v', '/tmp:/mnt:ro', '-e', 'A=1'];
    for (const words of [
      ['run', '-d', '--name', 'up', ...marks, ...idle, 'sh', '-c', 'echo one; echo two >&2; exec sleep 10000'],
      ['create', '--name', 'cr', '-v', '/anon', '--tmpfs', '/t', ...idle, 'a b', "c'd"],
      ['run', '--name', 'tty', '-t', ...idle, 'echo', 'tty'],
    ]) {
      expect((await docker(...words)).code).toBe(0);
    }
    expect((await docker('run', '--name', 'ex', ...idle, 'sh', '-c', 'exit 3')).code).toBe(3);
  }, 120_000);

  afterAll(async () => {
    await dockerd?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const same = async (words: string[]) => {
    const [expected, found] = [await docker(...words), await punnet(...words)];
    expect(normal(found)).toEqual(normal(expected));
  };

  it.each(LOOK)('%s', (line) => same(split(line)));
  it.each(RUN)('run --rm %s', (line) => same(['run', '--rm', '--network', 'none', ...split(line)]));

  it('containers that one made obey the other', async () => {
    const made = await punnet('run', '-d', '--name', 'both', '--network', 'none', 'busybox', 'sleep', '1000');
    expect(made.stdout).toMatch(/^[0-9a-f]{64}\n$/);
    expect(await docker('inspect', '-f', '{{.State.Status}}', 'both')).toMatchObject({ stdout: 'running\n' });
    for (const words of [
      ['rename', 'both', 'other'],
      ['restart', '-t', '0', 'other'],
      ['stop', '-t', '0', 'other'],
    ]) {
      expect(await punnet(...words)).toMatchObject({ code: 0, stderr: '' });
    }
    expect(await punnet('start', '-a', 'ex')).toMatchObject({ code: 3 });
    expect(await punnet('rm', 'other', 'nope')).toMatchObject({
      code: 1,
      stdout: 'other\n',
      stderr: 'Error response from daemon: No such container: nope\n',
    });
  });

  it('images are tagged and removed', async () => {
    expect(await punnet('tag', 'busybox', 'copy:1')).toMatchObject({ code: 0, stdout: '' });
    expect(await docker('rmi', 'copy:1')).toMatchObject({ stdout: 'Untagged: copy:1\n' });
    expect(await docker('tag', 'busybox', 'copy:2')).toMatchObject({ code: 0 });
    expect(await punnet('rmi', 'copy:2')).toMatchObject({ stdout: 'Untagged: copy:2\n', code: 0 });
  });
});

/** Words; `·` is a blank inside one. */
function split(line: string): string[] {
  return line.split(' ').map((word) => word.replaceAll('·', ' '));
}

async function importBusybox(directory: string, docker: (...words: string[]) => Promise<Outcome>): Promise<void> {
  const script = `mkdir -p root/bin root/tmp && cp "$(command -v busybox)" root/bin/busybox &&
    for name in sh cat echo env hostname pwd sleep touch true; do ln -s busybox root/bin/$name; done &&
    tar -C root -c . -f busybox.tar`;
  expect((await run('sh', ['-c', script], { cwd: directory })).code).toBe(0);
  const imported = await docker('import', '-c', 'CMD ["sh"]', join(directory, 'busybox.tar'), 'busybox:latest');
  expect(imported.code, imported.stderr).toBe(0);
}

const AGO = /(About an?|Less than a|\d+) (second|minute|hour)s?( ago)?/g;

function normal({ code, stdout, stderr }: Outcome): object {
  const text = (raw: string) =>
    raw
      .replace(/punnet/g, 'docker')
      .replace(/[0-9a-f]{64}/g, '<id>')
      .replace(/\b[0-9a-f]{12}\b/g, '<id>')
      .replace(AGO, '<time>')
      .replace(/ {2,}/g, '  ')
      .split('\n')
      // What docker's documentation links say has no counterpart.
      .filter((line) => !line.includes('docs.docker.com'))
      .join('\n');
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

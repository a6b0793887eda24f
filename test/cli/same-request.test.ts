// For many command lines docker's own CLI and punnet's ask the daemon for the same container: both talk to a recorder, and
// the bodies of POST /containers/create are compared. Empty values are left out: they mean the same to every daemon.

import { createServer, type Server } from 'node:http';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { need, PROJECT } from '../support/need.ts';
import { run } from '../support/process.ts';
import { makeScratch } from '../support/until.ts';

const skip = need('docker-cli');

const LINES = [
  'busybox',
  'busybox sh -c true',
  '--name web -it busybox sh',
  '-a stdout -a stdin busybox',
  '-i busybox cat',
  '-e A=1 -e B -e A=2 -e EMPTY= -e HOME busybox',
  '--env-file ENV -e X=y busybox',
  '-l a=b -l c --label-file LABELS busybox',
  '-m 64m --memory-swap -1 --memory-reservation 32m --memory-swappiness 10 busybox',
  '--cpus 1.5 --cpu-shares 512 --cpu-period 1000 --cpu-quota 2000 --cpuset-cpus 0-1 --cpuset-mems 0 busybox',
  '--pids-limit 50 --blkio-weight 300 --blkio-weight-device /dev/sda:100 busybox',
  '--device-read-bps /dev/sda:1mb --device-write-bps /dev/sda:2k busybox',
  '--device-read-iops /dev/sda:10 --device-write-iops /dev/sda:20 busybox',
  '-v /a:/b -v name:/c:ro -v /anon busybox',
  '-v ./here:/there busybox',
  '--mount type=bind,source=/a,target=/b,readonly,bind-propagation=rslave busybox',
  '--mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770 busybox',
  '--mount type=volume,src=v,dst=/v,volume-nocopy,volume-label=a=b,volume-driver=d,volume-opt=o=p busybox',
  '--mount type=bind,src=/a,dst=/b,bind-recursive=disabled busybox',
  '--tmpfs /t --tmpfs /u:size=1m,mode=700 busybox',
  '--read-only --init busybox',
  '--init=false busybox',
  '--cap-add NET_ADMIN --cap-drop ALL --privileged busybox',
  '--security-opt no-new-privileges --security-opt seccomp=unconfined --security-opt label=disable busybox',
  '--security-opt systempaths=unconfined busybox',
  '--security-opt seccomp=PROFILE busybox',
  '--ulimit nofile=10:20 --ulimit core=-1 --ulimit nofile=30 busybox',
  '--sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=1 busybox',
  '--device /dev/a --device /dev/b:/dev/c --device /dev/d:r --device /dev/e:/dev/f:rm busybox',
  '--device-cgroup-rule c,1:3,mr busybox'.replace('c,1:3,mr', 'RULE'),
  '--group-add audio --group-add 5 -u 1:2 -w /tmp -h host --domainname d busybox',
  '--entrypoint /bin/x busybox a b',
  '--entrypoint= busybox a',
  '--network none --pid host --ipc host --uts host --userns host --cgroupns private busybox',
  '--network host busybox',
  '--network mine --network-alias a --ip 10.0.0.5 --link-local-ip 169.254.1.1 busybox',
  '--network name=mine,alias=a,driver-opt=x=y busybox',
  '--mac-address 92:d0:c6:0a:29:33 busybox',
  '-p 8080:80 -p 127.0.0.1:53:53/udp -p 9000-9002:9000-9002 -p 7000 --expose 100-101 --expose 5/udp -P busybox',
  '-p published=81,target=82,protocol=udp busybox',
  '-p [::1]:80:80 busybox',
  '--add-host a:1.2.3.4 --add-host b=[::1] --add-host c:host-gateway busybox',
  '--dns 1.1.1.1 --dns-search example.com --dns-option ndots:2 --dns-opt x busybox',
  '--restart on-failure:3 busybox',
  '--restart unless-stopped busybox',
  '--rm --cidfile CID busybox',
  '--log-driver json-file --log-opt max-size=1m --log-opt max-file=2 busybox',
  '--stop-signal INT --stop-timeout 0 busybox',
  '--health-cmd true --health-interval 1s --health-timeout 1.5s --health-retries 2 --health-start-period 1m30s busybox',
  '--no-healthcheck busybox',
  '--shm-size 128m --oom-score-adj -5 --oom-kill-disable busybox',
  '--annotation a=b --runtime x --isolation default --volume-driver d --volumes-from c --storage-opt size=1g busybox',
  '--network mine --link a:b busybox',
  '--link a:b --cgroup-parent /x busybox',
  '--platform linux/amd64 --pull never busybox',
];

const ID = 'f'.repeat(64);

interface Recorded {
  path: string;
  body: unknown;
}

describe.skipIf(skip)(`requests of docker and punnet${skip ? ` (skipped: ${skip})` : ''}`, () => {
  const directory = makeScratch('same-request');
  const socket = join(directory, 'd.sock');
  const bundle = join(directory, 'punnet.cjs');
  const recorded: Recorded[] = [];
  let server: Server;

  beforeAll(async () => {
    await build({
      entryPoints: [join(PROJECT, 'src/punnet.ts')],
      outfile: bundle,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      logLevel: 'silent',
    });
    server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        const path = request.url!.replace(/^\/v[\d.]+/, '');
        response.setHeader('Api-Version', '1.50').setHeader('Ostype', 'linux');
        if (path.startsWith('/containers/create')) {
          recorded.push({ path, body: JSON.parse(text) as unknown });
          response
            .writeHead(201, { 'Content-Type': 'application/json' })
            .end(JSON.stringify({ Id: ID, Warnings: ['w'] }));
        } else response.writeHead(200).end('OK');
      });
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    mkdirSync(join(directory, 'here'));
    writeFileSync(join(directory, 'env'), '# comment\nFROM_FILE=a b\nHOME\nNOT_SET_ANYWHERE\n');
    writeFileSync(join(directory, 'labels'), 'file=label\n');
    writeFileSync(join(directory, 'profile.json'), '{\n  "defaultAction": "SCMP_ACT_ALLOW"\n}\n');
  });

  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(directory, { recursive: true, force: true });
  });

  const words = (line: string, cid: string) =>
    line.split(' ').map((word) => {
      const names: Record<string, string> = { ENV: 'env', LABELS: 'labels', CID: cid };
      if (word === 'RULE') return 'c 1:3 mr';
      if (word === 'seccomp=PROFILE') return `seccomp=${join(directory, 'profile.json')}`;
      return names[word] === undefined ? word : join(directory, names[word]);
    });

  async function ask(
    program: string,
    prefix: string[],
    line: string,
  ): Promise<Recorded & { stdout: string; stderr: string }> {
    recorded.length = 0;
    const cid = `cid-${program.split('/').at(-1)}`;
    const outcome = await run(program, [...prefix, '-H', `unix://${socket}`, 'create', ...words(line, cid)], {
      cwd: directory,
      env: { PATH: process.env.PATH!, HOME: directory },
    });
    expect([outcome.code, recorded.length], outcome.stderr).toEqual([0, 1]);
    return { ...recorded[0]!, stdout: outcome.stdout, stderr: outcome.stderr };
  }

  it.each(LINES)('create %s', async (line) => {
    const docker = await ask('docker', [], line);
    const punnet = await ask(process.execPath, ['--', bundle], line);
    expect(filled(normal(punnet.body))).toEqual(filled(normal(docker.body)));
    expect([punnet.path, punnet.stdout, punnet.stderr]).toEqual([docker.path, docker.stdout, docker.stderr]);
  });
});

/** What differs without meaning: the name of the cid file, the order of variables and binds (docker takes it from a map). */
function normal(body: unknown): unknown {
  const copy = structuredClone(body) as { Env?: string[]; HostConfig: { ContainerIDFile: string; Binds?: string[] } };
  copy.Env?.sort();
  copy.HostConfig.Binds?.sort();
  copy.HostConfig.ContainerIDFile = copy.HostConfig.ContainerIDFile && 'cid';
  return copy;
}

/** The value without what is empty: null, '', 0, false, [] and {} mean "not set" in the Engine API. */
function filled(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value;
  if (value === null || typeof value !== 'object') return value || undefined;
  const entries = Object.entries(value).map(([key, item]) => [key, filled(item)] as const);
  const kept = entries.filter(([, item]) => item !== undefined);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

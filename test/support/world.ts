// A world of two hosts for tests of networks: network namespaces joined by a veth pair, made by the test and gone with it.
// The engine under test lives on `host`; `client` is a machine beside it, whose address must be seen. Needs root, as does dockerd.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { background, mustRun, run, which, type Background, type Outcome, type RunOptions } from './process.ts';
import { Engine } from './engine.ts';
import { environment, punnetSpec } from './punnet.ts';
import { makeOpenScratch, until } from './until.ts';
import { testUser } from './user.ts';

export const HOST = '10.77.0.1';
export const CLIENT = '10.77.0.2';

export interface World {
  /** Runs a program as root on one of the two hosts. */
  on(where: 'host' | 'client', program: string, args: string[], options?: RunOptions): Promise<Outcome>;
  /** As `on`, for a program that stays; the test stops it. */
  serve(where: 'host' | 'client', program: string, args: string[]): Background;
  engine: Engine;
  /** a directory that containers may have with -v */
  home: string;
  stop(): Promise<void>;
}

let serial = 0;

/** @param kind which engine lives on the host */
export async function makeWorld(kind: 'docker' | 'punnet'): Promise<World> {
  const home = makeOpenScratch('world');
  const id = `${process.pid}-${serial++}`;
  const names = { host: `pt-h-${id}`, client: `pt-c-${id}` };
  const ip = (args: string) => mustRun('ip', args.split(' '));
  await ip(`netns add ${names.host}`);
  await ip(`netns add ${names.client}`);
  await ip(`link add eth0 netns ${names.host} type veth peer name eth0 netns ${names.client}`);
  for (const [name, address] of [
    [names.host, HOST],
    [names.client, CLIENT],
  ] as const) {
    await ip(`-n ${name} addr add ${address}/24 dev eth0`);
    await ip(`-n ${name} link set eth0 up`);
    await ip(`-n ${name} link set lo up`);
  }
  await ip(`-n ${names.host} route add default via ${CLIENT}`);
  // Not `ip netns exec`, which mounts a /sys without control groups.
  const within = ['nsenter', `--net=/run/netns/${names.host}`, '--'];
  let service: Background | undefined;
  let engine: Engine;
  if (kind === 'punnet') {
    const spec = punnetSpec({ home, as: 'user' });
    const user = testUser();
    await mustRun('chown', [user.name, home]);
    const as = ['setpriv', '--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'];
    const prefix = [...within.slice(1), ...as, spec.program];
    engine = new Engine({ ...spec, program: within[0]!, prefix, uid: undefined, gid: undefined });
  } else {
    const socket = join(home, 'docker.sock');
    const parts = ['--data-root', join(home, 'data'), '--exec-root', join(home, 'exec'), '-p', join(home, 'pid')];
    const dockerd = [
      'unshare',
      '--mount',
      '--propagation',
      'slave',
      which('dockerd')!,
      ...parts,
      '-H',
      `unix://${socket}`,
    ];
    service = background(within[0]!, [...within.slice(1), ...dockerd]);
    engine = new Engine({
      label: 'docker',
      kind: 'docker',
      client: 'docker',
      program: which('docker')!,
      prefix: [],
      env: environment(home, socket),
      socket,
      home,
      rootless: false,
      hostRoot: 0,
    });
  }
  await until('the engine answers', async () => {
    const outcome = await engine.cli(['version'], { cwd: '/' });
    if (outcome.code !== 0) throw new Error(`${outcome.stderr}\n${service?.output() ?? ''}`);
    return true;
  });
  return {
    engine,
    home,
    on: (where, program, args, options) =>
      run('nsenter', [`--net=/run/netns/${names[where]}`, '--', program, ...args], options),
    serve: (where, program, args) =>
      background('nsenter', [`--net=/run/netns/${names[where]}`, '--', program, ...args]),
    async stop() {
      const ids = (await engine.cli(['ps', '-aq'])).stdout.split('\n').filter(Boolean);
      if (ids.length > 0) await engine.cli(['rm', '-f', ...ids], { timeout: 120_000 });
      if (kind === 'punnet') await engine.cli(['system', 'stop']);
      await service?.stop(30_000);
      for (const name of Object.values(names)) await run('ip', ['netns', 'del', name]);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

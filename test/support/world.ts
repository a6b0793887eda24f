// A world of two hosts for tests of networks: network namespaces joined by a veth pair, made by the test and gone with it.
// The engine under test lives on `host`; `client` is a machine beside it, whose address must be seen, and which knows a few
// names. Needs root, as does dockerd.

import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll } from 'vitest';
import { busyboxImage } from '../verb/images.ts';
import { claims } from './claims.ts';
import { Engine, type EngineSpec } from './engine.ts';
import { need, PROJECT, type Need } from './need.ts';
import { background, mustRun, run, which, type Background, type Outcome, type RunOptions } from './process.ts';
import { environment, punnetSpec } from './punnet.ts';
import { makeOpenScratch, until } from './until.ts';
import { testUser } from './user.ts';

export const HOST = '10.77.0.1';
export const CLIENT = '10.77.0.2';
/** What the client's name server knows. */
export const ZONE = {
  'outside.test': { A: [CLIENT], AAAA: ['fd77::2'] },
  '2.0.77.10.in-addr.arpa': { PTR: ['outside.test'] },
};

export interface World {
  kind: Kind;
  /** Runs a program as root on one of the two hosts. */
  on(where: 'host' | 'client', program: string, args: string[], options?: RunOptions): Promise<Outcome>;
  /** As `on`, for a program that stays; the test stops it. */
  serve(where: 'host' | 'client', program: string, args: string[]): Background;
  engine: Engine;
  /** Runs a client of the engine's, other than its own, on the host: as the engine's user, with DOCKER_HOST. */
  as(program: string, args: string[], options?: RunOptions): Promise<Outcome>;
  /** a directory that containers may have with -v */
  home: string;
  stop(): Promise<void>;
}

/** docker: a dockerd with a bridge of its own; user, root: punnet started by an unprivileged user, by root. */
export type Kind = 'docker' | 'user' | 'root';
const WANTED = (process.env.PUNNET_TEST_ENGINES ?? 'docker,user,root').split(',');
const NEEDS = { docker: ['docker', 'docker-cli'], user: ['built', 'net.tun'], root: ['built', 'net.tun'] } as const;

export interface HostOptions {
  /** all, unless given */
  kinds?: Kind[];
  /** programs that punnet is not to find on this host */
  hidden?: string[];
}

/** A suite for each engine on a host of its own, with busybox in it: the same claims, judged by the same assertions. */
export function onEveryHost(
  title: string,
  needs: Need[],
  body: (the: () => World) => void,
  options: HostOptions = {},
): void {
  for (const kind of options.kinds ?? (['docker', 'user', 'root'] as const)) {
    if (!WANTED.includes(kind)) continue;
    const label = kind === 'docker' ? 'docker' : `punnet as ${kind}`;
    claims(`${title}: ${label}`, need('root', ...NEEDS[kind], ...needs), () => {
      let world: World | undefined;
      beforeAll(async () => {
        world = await makeWorld(kind, options);
      }, 120_000);
      afterAll(() => world?.stop(), 120_000);
      body(() => world!);
    });
  }
}

let serial = 0;

/** Needs root. The caller stops it. */
export async function makeWorld(kind: Kind, { hidden = [] }: HostOptions = {}): Promise<World> {
  const home = makeOpenScratch('world');
  const id = `${process.pid}-${serial++}`;
  const names = { host: `pt-h-${id}`, client: `pt-c-${id}` };
  await makeHosts(names);
  writeFileSync(join(home, 'resolv.conf'), `nameserver ${CLIENT}\n`);
  const within = (name: string) => [`--net=/run/netns/${name}`, '--'];
  const on = (where: 'host' | 'client', command: string[]) => [...within(names[where]), ...command];
  const names53 = background(
    'nsenter',
    on('client', [process.execPath, join(PROJECT, 'test/support/name-server.mjs'), CLIENT, JSON.stringify(ZONE)]),
  );
  // Not `ip netns exec`, which mounts a /sys without control groups.
  const mounted = ['unshare', '--mount', '--propagation', 'slave', 'sh', '-c'];
  const hosted = [...mounted, 'mount --bind "$0" /etc/resolv.conf && exec "$@"', join(home, 'resolv.conf')];
  const { spec, command, service } =
    kind === 'docker' ? dockerHost(home, on('host', hosted)) : await punnetHost({ home, as: kind }, on('host', hosted));
  if (hidden.length > 0) spec.env.PATH = pathWithout(hidden, home);
  const engine = new Engine(spec);
  await until('the engine answers', async () => {
    const outcome = await engine.cli(['version'], { cwd: '/' });
    if (outcome.code !== 0) throw new Error(`${outcome.stderr}\n${service?.output() ?? ''}`);
    return true;
  });
  if (kind === 'docker') {
    const tar = join(home, 'busybox.tar');
    writeFileSync(tar, gunzipSync(busyboxImage().layers[0]!.bytes));
    await engine.must(['import', tar, 'busybox']);
  }
  return {
    kind,
    engine,
    home,
    on: (where, program, args, options) => run('nsenter', on(where, [program, ...args]), options),
    serve: (where, program, args) => background('nsenter', on(where, [program, ...args])),
    as: (program, args, options) =>
      run('nsenter', [...command, program, ...args], {
        cwd: home,
        ...options,
        env: { ...spec.env, ...options?.env },
      }),
    async stop() {
      const ids = (await engine.cli(['ps', '-aq'])).stdout.split('\n').filter(Boolean);
      if (ids.length > 0) await engine.cli(['rm', '-f', ...ids], { timeout: 120_000 });
      if (kind !== 'docker') await engine.cli(['system', 'stop']);
      await service?.stop(30_000);
      await names53.stop();
      for (const name of Object.values(names)) await run('ip', ['netns', 'del', name]);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** A directory of links to all programs but these. */
function pathWithout(hidden: string[], home: string): string {
  const directory = join(home, 'bin');
  mkdirSync(directory);
  for (const from of `${process.env.PATH}:/usr/sbin:/sbin`.split(':').filter(existsSync)) {
    for (const name of readdirSync(from)) {
      const link = join(directory, name);
      if (!hidden.includes(name) && !existsSync(link)) symlinkSync(join(from, name), link);
    }
  }
  return directory;
}

async function makeHosts(names: { host: string; client: string }): Promise<void> {
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
}

interface Inhabitant {
  spec: EngineSpec;
  /** arguments of nsenter(1) that lead to the engine's user on the host */
  command: string[];
  service?: Background;
}

async function punnetHost(options: { home: string; as: 'user' | 'root' }, hosted: string[]): Promise<Inhabitant> {
  const spec = punnetSpec(options);
  let command = hosted;
  if (options.as === 'user') {
    const user = testUser();
    await mustRun('chown', [user.name, options.home]);
    command = [...hosted, 'setpriv', '--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'];
  }
  const prefix = [...command, spec.program];
  return { spec: { ...spec, program: 'nsenter', prefix, uid: undefined, gid: undefined }, command };
}

function dockerHost(home: string, hosted: string[]): Inhabitant {
  const socket = join(home, 'docker.sock');
  const parts = ['--data-root', join(home, 'data'), '--exec-root', join(home, 'exec'), '-p', join(home, 'pid')];
  const service = background('nsenter', [...hosted, which('dockerd')!, ...parts, '-H', `unix://${socket}`]);
  const spec: EngineSpec = {
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
  };
  return { spec, command: hosted, service };
}

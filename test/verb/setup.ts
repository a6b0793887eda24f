// Starts what the verb tests talk to, once per run: a registry with the images, a real dockerd (as root), and punnet's
// daemon, once as an unprivileged user and, where the tests run as root, once as root. Runs in vitest's main process.

import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startDockerd } from '../support/docker.ts';
import { Engine, type EngineSpec } from '../support/engine.ts';
import { isRoot, need, PROJECT } from '../support/need.ts';
import { which } from '../support/process.ts';
import { startRegistry } from '../support/registry.ts';
import { makeScratch } from '../support/until.ts';
import { testUser } from '../support/user.ts';
import { IMAGES, pushImages } from './images.ts';

/** PUNNET_TEST_ENGINES=docker,user,root chooses; each of them with its clients. */
const wanted = (process.env.PUNNET_TEST_ENGINES ?? 'docker,user,root').split(',');

export default async function setup(project: TestProject) {
  const undo: (() => Promise<void> | void)[] = [];
  const teardown = async () => {
    for (const step of undo.reverse()) await step();
  };
  try {
    const { specs, host } = await start(undo);
    project.provide('engines', specs);
    project.provide('registry', host);
  } catch (error) {
    await teardown();
    throw error;
  }
  return teardown;
}

async function start(undo: (() => Promise<void> | void)[]): Promise<{ specs: EngineSpec[]; host: string }> {
  const missing = need('registry');
  if (missing) return { specs: [{ ...blank('every engine'), skip: missing }], host: '' };
  const home = makeScratch('verb');
  chmodSync(home, 0o755);
  undo.push(() => rmSync(home, { recursive: true, force: true }));
  const registry = await startRegistry();
  undo.push(registry.stop);
  await pushImages(registry);

  const specs: EngineSpec[] = [];
  if (wanted.includes('docker')) specs.push(await dockerEngine({ home, mirror: registry.url, undo }));
  if (wanted.includes('user')) specs.push(...(await punnetEngines({ home, as: 'user', undo })));
  if (wanted.includes('root')) specs.push(...(await punnetEngines({ home, as: 'root', undo })));
  const filled = new Set<string>();
  for (const spec of specs) {
    if (spec.skip || filled.has(spec.socket)) continue;
    filled.add(spec.socket);
    const engine = new Engine(spec);
    for (const name of IMAGES) {
      await engine.must(['pull', '-q', `${registry.host}/library/${name}`]);
      await engine.must(['tag', `${registry.host}/library/${name}`, name]);
    }
  }
  return { specs, host: registry.host };
}

function blank(label: string): EngineSpec {
  return {
    label,
    kind: 'punnet',
    client: 'punnet',
    program: 'false',
    prefix: [],
    env: {},
    socket: '',
    home: '/',
    rootless: true,
    hostRoot: 0,
  };
}

async function dockerEngine(input: {
  home: string;
  mirror: string;
  undo: (() => Promise<void> | void)[];
}): Promise<EngineSpec> {
  const spec: EngineSpec = { ...blank('docker'), kind: 'docker', client: 'docker', rootless: false };
  const missing = need('docker', 'docker-cli');
  if (missing) return { ...spec, skip: missing };
  const dockerd = await startDockerd({ mirror: input.mirror });
  input.undo.push(dockerd.stop);
  const home = join(input.home, 'docker');
  mkdirSync(home);
  return { ...spec, program: which('docker')!, socket: dockerd.socket, home, env: environment(home, dockerd.socket) };
}

async function punnetEngines(input: {
  home: string;
  as: 'user' | 'root';
  undo: (() => Promise<void> | void)[];
}): Promise<EngineSpec[]> {
  const label = `punnet as ${input.as}`;
  if (input.as === 'root' && !isRoot) return [{ ...blank(label), skip: 'needs root' }];
  const missing = need('built') ?? (isRoot ? undefined : need('subids'));
  if (missing) return [{ ...blank(label), skip: missing }];
  const user = input.as === 'user' && isRoot ? testUser() : undefined;
  const home = join(input.home, input.as);
  mkdirSync(home, { mode: 0o755 });
  if (user) chownSync(home, user.uid, user.gid);
  const socket = join(home, 'run/punnet.sock');
  const spec: EngineSpec = {
    ...blank(label),
    program: join(PROJECT, 'bin/punnet'),
    socket,
    home,
    ...(user && { uid: user.uid, gid: user.gid }),
    hostRoot: user?.uid ?? process.getuid!(),
    env: {
      ...environment(home, socket),
      USER: user?.name ?? userInfo().username,
      PUNNET_ROOT: join(home, 'data'),
      PUNNET_RUN: join(home, 'run'),
      PUNNET_IDLE: '0',
    },
  };
  const engine = new Engine(spec);
  const up = await engine.cli(['version'], { timeout: 60_000 });
  if (up.code !== 0) throw new Error(`${label}: the daemon does not start\n${up.stdout}${up.stderr}`);
  input.undo.push(async () => {
    await engine.cli(['system', 'stop', '--force'], { timeout: 60_000 });
    removeTree(home);
  });
  const clients = [spec];
  if (which('docker'))
    clients.push({ ...spec, label: `docker CLI on ${label}`, client: 'docker', program: which('docker')! });
  else clients.push({ ...spec, label: `docker CLI on ${label}`, client: 'docker', skip: need('docker-cli') });
  return clients;
}

function environment(home: string, socket: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: home,
    TERM: 'xterm',
    LANG: 'C.UTF-8',
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_CONFIG: join(home, '.docker'),
  };
}

/** Removes what subordinate ids own: root may, a user goes into a namespace that maps them. */
function removeTree(directory: string): void {
  if (isRoot) rmSync(directory, { recursive: true, force: true });
  else
    execFileSync('unshare', ['--user', '--map-auto', '--map-root-user', 'rm', '-rf', directory], { stdio: 'ignore' });
}

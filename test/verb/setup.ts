// Starts what the verb tests talk to, once per run: a registry with the images, a real dockerd (as root), and punnet's
// daemon, once as an unprivileged user and, where the tests run as root, once as root. Runs in vitest's main process.

import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startDockerd } from '../support/docker.ts';
import { Engine, type EngineSpec } from '../support/engine.ts';
import { need } from '../support/need.ts';
import { which } from '../support/process.ts';
import { environment, missingPunnet, startPunnet } from '../support/punnet.ts';
import { startRegistry } from '../support/registry.ts';
import { makeScratch } from '../support/until.ts';
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
  const { as } = input;
  const missing = missingPunnet(as);
  if (missing) return [{ ...blank(`punnet as ${as}`), skip: missing }];
  const punnet = await startPunnet({ home: join(input.home, as), as });
  input.undo.push(punnet.stop);
  const { spec } = punnet.engine;
  const absent = need('docker-cli');
  return [
    spec,
    {
      ...spec,
      label: `docker CLI on ${spec.label}`,
      client: 'docker',
      program: which('docker') ?? 'docker',
      ...(absent && { skip: absent }),
    },
  ];
}

// build: the same Dockerfiles built by a real dockerd and by punnet; configuration and every file are compared.

import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import * as tar from 'tar';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differs } from '../differ.ts';
import { claims } from '../support/claims.ts';
import type { Engine } from '../support/engine.ts';
import { engines } from '../support/every-engine.ts';
import { makeScratch } from '../support/until.ts';
import { CASES, REFUSED, type BuildCase } from './build.cases.ts';
import { makeContext } from './build.context.ts';

/** Docker's own build is told to use the classic builder, which is the one that the API has. */
const CLASSIC = { env: { DOCKER_BUILDKIT: '0' }, timeout: 120_000 };

const context = makeScratch('build-context');
beforeAll(() => {
  chmodSync(context, 0o755);
  makeContext(context);
});
afterAll(() => rmSync(context, { recursive: true, force: true }));

interface Built {
  config: unknown;
  /** newest first: what made each step */
  history: string[];
  files: Map<string, string>;
}

async function build(engine: Engine, { dockerfile, flags = [] }: BuildCase, name: string): Promise<Built> {
  const stdin = Buffer.from(dockerfile);
  await engine.must(['build', '-q', '-t', name, ...flags, '-f', '-', context], { ...CLASSIC, stdin });
  const [config, history, files] = await Promise.all([
    configOf(engine, name),
    historyOf(engine, name),
    filesOf(engine, name),
  ]);
  // Of both, because a step may have made the directory.
  if (differs(punnet!, 'volume-mount-points')) {
    for (const volume of Object.keys((config as { Volumes?: object | null }).Volumes ?? {}))
      files.delete(`${volume.slice(1)}/`);
  }
  return { config, history, files };
}

async function historyOf(engine: Engine, name: string): Promise<string[]> {
  const format = '{{.CreatedBy}} {{.Comment}}';
  const text = await engine.must(['history', '--no-trunc', '--format', format, name]);
  // Each has its own digest of what is copied.
  return text.replace(/ ?(file|dir|multi):[0-9a-f]{64} /g, ' $1:digest ').split('\n');
}

/** What the two know of each other's bookkeeping, and what an image says of itself. */
async function configOf(engine: Engine, name: string): Promise<unknown> {
  const [image] = JSON.parse(await engine.must(['image', 'inspect', name])) as { Config: Record<string, unknown> }[];
  const own = Object.entries(image!.Config).filter(([field]) => field !== 'Image' && field !== 'Hostname');
  return Object.fromEntries(own.map(([field, value]) => [field, empty(value) ? null : value]));
}

/** Docker's own versions differ in which of these they show for nothing. */
const empty = (value: unknown) =>
  value === null || value === '' || value === false || (typeof value === 'object' && Object.keys(value).length === 0);

/** Path → everything about it but its time. */
async function filesOf(engine: Engine, name: string): Promise<Map<string, string>> {
  const id = (await engine.must(['create', name, 'nothing'])).trim();
  try {
    const file = join(engine.spec.home, `${id}.tar`);
    await engine.must(['export', '-o', file, id]);
    return await entriesOf(file);
  } finally {
    await engine.cli(['rm', '-f', id]);
  }
}

/** What an engine puts into every container. */
const OWN = /^(\.dockerenv|dev\/.*|proc\/|sys\/|etc\/(hosts|hostname|resolv\.conf|mtab))$/;

async function entriesOf(file: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const reading: Promise<void>[] = [];
  await tar.list({
    file,
    onReadEntry: (entry) => {
      reading.push(
        (async () => {
          const hash = createHash('sha256');
          for await (const chunk of entry as unknown as Readable) hash.update(chunk as Buffer);
          const { type, mode = 0, uid, gid, size, linkpath } = entry;
          const content = type === 'File' ? hash.digest('hex').slice(0, 16) : '';
          if (!OWN.test(entry.path)) {
            found.set(entry.path, [type, mode.toString(8), uid, gid, size, linkpath ?? '', content].join(' '));
          }
        })(),
      );
    },
  });
  await Promise.all(reading);
  rmSync(file);
  return found;
}

const [docker, punnet] = [
  engines().find(({ spec }) => spec.kind === 'docker' && !spec.skip),
  engines().find(({ spec }) => spec.kind === 'punnet' && !spec.skip),
];
/** Not every difference of history that these claims find is settled; until then they run when they are asked for. */
const unsettled = process.env.PUNNET_TEST_BUILD
  ? undefined
  : 'differences to Docker are not settled yet (PUNNET_TEST_BUILD=1)';
const missing = unsettled ?? (docker && punnet ? undefined : 'needs a real dockerd and punnet, both');

claims(`${CASES.length} Dockerfiles, built by punnet and by Docker`, missing, () => {
  describe.concurrent.each(CASES.map((each, at) => ({ ...each, at })))('$at: $dockerfile', (each) => {
    test('one configuration, the same files', { timeout: 120_000 }, async ({ expect }) => {
      const name = `built-${process.pid}-${each.at}`;
      const [theirs, ours] = await Promise.all([build(docker!, each, name), build(punnet!, each, name)]);
      await Promise.all([docker!.cli(['rmi', '-f', name]), punnet!.cli(['rmi', '-f', name])]);
      expect(Object.fromEntries(ours.files)).toEqual(Object.fromEntries(theirs.files));
      expect(ours.config).toEqual(theirs.config);
      expect(ours.history).toEqual(theirs.history);
    });
  });
});

for (const engine of engines()) {
  claims(`build: ${engine.label}`, engine.spec.skip, () => builds(engine));
}

function builds(engine: Engine): void {
  const from = (dockerfile: string, flags: string[] = []) =>
    engine.cli(['build', ...flags, '-f', '-', context], { ...CLASSIC, stdin: Buffer.from(dockerfile) });

  test.each(REFUSED)('refuses: $dockerfile', async ({ dockerfile, message }) => {
    const outcome = await from(dockerfile);
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr + outcome.stdout).toMatch(message);
  });

  test('a failing RUN is the exit status of build', async () => {
    expect((await from('FROM busybox\nRUN exit 7')).code).toBe(7);
  });

  test('--iidfile holds the id, which a rebuild does not change', async () => {
    const file = join(engine.spec.home, `iid-${process.pid}`);
    const ids = [];
    for (let round = 0; round < 2; round++) {
      await engine.must(['build', '-q', '--iidfile', file, '-f', '-', context], {
        ...CLASSIC,
        stdin: Buffer.from('FROM busybox\nCOPY dir /dir\nENV A=1\n'),
      });
      ids.push(readFileSync(file, 'utf8').trim()); // docker's CLI ends the line with -q alone
    }
    expect(ids[0]).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(ids[1]).toBe(ids[0]);
  });

  test('.dockerignore keeps files out, and lets the last matching line win', async () => {
    const directory = makeScratch('ignored');
    chmodSync(directory, 0o755);
    try {
      for (const name of ['keep', 'drop.log', 'dir/drop.log', 'dir/keep.log', '.env', 'node_modules/x/y']) {
        mkdirSync(join(directory, name, '..'), { recursive: true });
        writeFileSync(join(directory, name), name);
      }
      writeFileSync(
        join(directory, '.dockerignore'),
        '# rules\n**/*.log\n!dir/keep.log\n.env\nnode_modules\n.dockerignore\nDockerfile\n',
      );
      writeFileSync(join(directory, 'Dockerfile'), 'FROM busybox\nCOPY . /all\n');
      const name = `ignored-${process.pid}`;
      await engine.must(['build', '-q', '-t', name, directory], CLASSIC);
      const found = await engine.must(['run', '--rm', '--network', 'none', name, 'find', '/all', '-type', 'f']);
      expect(found.split('\n').sort()).toEqual(['/all/dir/keep.log', '/all/keep']);
      await engine.cli(['rmi', '-f', name]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
}

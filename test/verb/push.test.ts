import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Engine } from '../support/engine.ts';
import { engines, onEveryEngine } from '../support/every-engine.ts';
import { MEDIA as IMAGE } from '../support/image.ts';
import { need } from '../support/need.ts';
import { mustRun } from '../support/process.ts';
import { startRegistry, type Registry } from '../support/registry.ts';
import { makeOpenScratch } from '../support/until.ts';

const registry = inject('registry');
// The bcrypt hash of alice's password.
const HTPASSWD = 'alice:$2b$05$abcdefghijklmnopqrstuuA0vov2GDneHB3.8.cv9UF9g.RdvScIW\n';
const MANIFESTS = [IMAGE.manifest, IMAGE.dockerManifest].join(', ');
let guarded: Registry;

beforeAll(async () => {
  if (registry) guarded = await startRegistry({ htpasswd: HTPASSWD });
});
afterAll(() => guarded?.stop());

onEveryEngine('push', (engine: Engine) => {
  const images: string[] = [];
  /** one that is only refused */
  let shared: string | undefined;
  const containers: string[] = [];
  afterAll(async () => {
    await engine.remove(...containers);
    await engine.cli(['rmi', '-f', ...images]);
  });

  /** An image with a layer of its own, under a new repository of the registry: its name without a tag. */
  async function made(host = registry): Promise<string> {
    const name = engine.name('made');
    containers.push(name);
    const script = `echo ${name} > /who; seq 20000 > /numbers`;
    await engine.must(['run', '--network', 'none', '--name', name, 'busybox', 'sh', '-c', script]);
    const repository = `${host}/pushed/${name}`;
    await engine.must(['commit', '-c', 'CMD ["cat", "/who"]', name, `${repository}:1`]);
    images.push(`${repository}:1`);
    return repository;
  }

  const digestIn = (text: string) => /digest: (sha256:[0-9a-f]{64}) size: \d+/.exec(text)![1]!;
  const also = async (source: string, target: string) => {
    await engine.must(['tag', source, target]);
    images.push(target);
  };

  test('says what it does with each layer; what is there is not sent again', async () => {
    const repository = await made();
    const first = (await engine.must(['push', `${repository}:1`])).split('\n');
    expect(first[0]).toBe(`The push refers to repository [${repository}]`);
    expect(first.filter((line) => /^[0-9a-f]{12}: Preparing$/.test(line))).toHaveLength(2);
    expect(first.filter((line) => /^[0-9a-f]{12}: (Pushed|Mounted from \S+)$/.test(line))).toHaveLength(2);
    expect(first.at(-1)).toMatch(/^1: digest: sha256:[0-9a-f]{64} size: \d+$/);
    const again = (await engine.must(['push', `${repository}:1`])).split('\n');
    expect(again.filter((line) => line.endsWith(': Layer already exists'))).toHaveLength(2);
    expect(again.at(-1)).toBe(first.at(-1));
    const digest = digestIn(first.at(-1)!);
    expect(await engine.inspect(`${repository}:1`, '.RepoDigests')).toEqual([`${repository}@${digest}`]);
  });

  test('mounts in a second repository what the first one has, and gives it the same digest', async () => {
    const repository = await made();
    const digest = digestIn(await engine.must(['push', `${repository}:1`]));
    await also(`${repository}:1`, `${repository}-b:2`);
    const second = await engine.must(['push', `${repository}-b:2`]);
    expect(second).toMatch(/^[0-9a-f]{12}: Mounted from /m);
    expect(second).not.toContain(': Pushed');
    expect(digestIn(second)).toBe(digest);
  });

  test('-a pushes every tag of the repository, -q prints the name alone', async () => {
    const repository = await made();
    await also(`${repository}:1`, `${repository}:2`);
    const all = (await engine.must(['push', '-a', repository])).split('\n');
    expect(all.filter((line) => /^[12]: digest: /.test(line))).toHaveLength(2);
    expect(await engine.must(['push', '-q', `${repository}:2`])).toBe(`${repository}:2`);
  });

  test.each([
    [
      'a repository that is not here',
      (name: string) => [`${name}/none`],
      'An image does not exist locally with the tag: %/none',
    ],
    ['a tag that is not here', (name: string) => [`${name}:none`], 'tag does not exist: %:none'],
    ['latest, unless a tag is said', (name: string) => [name], 'tag does not exist: %:latest'],
    ['a digest', (name: string) => [`${name}@sha256:${'a'.repeat(64)}`], 'cannot push a digest reference'],
    ['a tag and all of them', (name: string) => ['-a', `${name}:1`], "tag can't be used with --all-tags/-a"],
  ])('of %s fails in Docker’s words', async (_, args, message) => {
    const repository = (shared ??= await made());
    const { code, stderr } = await engine.cli(['push', ...args(repository)]);
    expect(code).toBe(1);
    expect(stderr.trim()).toBe(message.replace('%', repository));
  });

  test('to a registry that does not answer says so', async () => {
    await also('busybox', '127.0.0.1:1/x:1');
    const { code, stderr } = await engine.cli(['push', '127.0.0.1:1/x:1']);
    expect([code, stderr.trim()]).toEqual([
      1,
      'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
    ]);
  });

  describe('to a registry that wants a password', () => {
    const configured = (password: string) => {
      const directory = makeOpenScratch('docker-config');
      mkdirSync(directory, { recursive: true });
      const auth = Buffer.from(`alice:${password}`).toString('base64');
      writeFileSync(join(directory, 'config.json'), JSON.stringify({ auths: { [guarded.host]: { auth } } }));
      return { env: { DOCKER_CONFIG: directory } };
    };

    test('without one fails, and with a wrong one, which is not told', async () => {
      const repository = await made(guarded.host);
      const without = await engine.cli(['push', `${repository}:1`]);
      expect([without.code, without.stderr.split('\n')[0]]).toEqual([1, 'no basic auth credentials']);
      const wrong = await engine.cli(['push', `${repository}:1`], configured('queenofhearts'));
      expect([wrong.code, wrong.stderr.trim()]).toEqual([1, 'unauthorized: authentication required']);
      expect(wrong.stdout).not.toContain('queenofhearts');
    });

    test('with the right one works', async () => {
      const repository = await made(guarded.host);
      const digest = digestIn(await engine.must(['push', `${repository}:1`], configured('wonderland')));
      const [name, path] = [guarded.url, repository.slice(guarded.host.length + 1)];
      const authorization = `Basic ${Buffer.from('alice:wonderland').toString('base64')}`;
      const answer = await fetch(`${name}/v2/${path}/manifests/${digest}`, {
        headers: { authorization, accept: MANIFESTS },
      });
      expect(answer.status).toBe(200);
    });
  });

  test('gives a real Docker and skopeo an image that runs, under the same digest', async () => {
    const repository = await made();
    const digest = digestIn(await engine.must(['push', `${repository}:1`]));
    const id = await engine.inspect(`${repository}:1`, '.Id');
    const docker = engines().find(({ spec }) => spec.kind === 'docker' && !spec.skip);
    for (const puller of [docker, engine]) {
      if (!puller) continue;
      if (puller === engine) await engine.must(['rmi', '-f', `${repository}:1`]);
      expect(await puller.must(['pull', `${repository}:1`])).toContain(`Digest: ${digest}\n`);
      expect((await puller.run([], [], { image: `${repository}:1` })).stdout).toBe(
        `${repository.slice(repository.lastIndexOf('/') + 1)}\n`,
      );
      expect(await puller.inspect(`${repository}:1`, '.Id')).toBe(id);
      if (puller !== engine) await puller.must(['rmi', '-f', `${repository}:1`]);
    }
    if (need('skopeo')) return;
    const flags = ['--tls-verify=false', '--format', '{{.Digest}}'];
    const { stdout } = await mustRun('skopeo', ['inspect', ...flags, `docker://${repository}:1`]);
    expect(stdout.trim()).toBe(digest);
  });

  test('what a registry has under a name is told without a pull', async () => {
    const repository = await made();
    const digest = digestIn(await engine.must(['push', `${repository}:1`]));
    const [status, body] = await get(`/distribution/${repository}:1/json`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ Descriptor: { digest }, Platforms: [{ os: 'linux' }] });
    expect(await get(`/distribution/${repository}:none/json`)).toEqual([
      404,
      { message: 'manifest unknown: manifest unknown' },
    ]);
    expect(await get('/distribution/UPPER/json')).toEqual([
      400,
      { message: expect.stringMatching(/^invalid reference format: repository name .*must be lowercase$/) as string },
    ]);
  });

  function get(path: string): Promise<[number | undefined, unknown]> {
    return new Promise((resolve, reject) => {
      const sent = request({ socketPath: engine.spec.socket, path: `/v1.41${path}` }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.on('end', () => resolve([answer.statusCode, JSON.parse(text)]));
      });
      sent.on('error', reject).end();
    });
  }

  test('of what was pulled keeps its digest', async () => {
    const pulled = await engine.must(['pull', `${registry}/test/config`]);
    const target = `${registry}/pushed/${engine.name('again')}:1`;
    await also(`${registry}/test/config`, target);
    const digest = digestIn(await engine.must(['push', target]));
    if (engine.spec.kind === 'punnet') expect(digest).toBe(/Digest: (sha256:\w+)/.exec(pulled)![1]);
    const answer = await fetch(`http://${target.replace('/', '/v2/').replace(/:1$/, '/manifests/1')}`, {
      headers: { accept: MANIFESTS },
    });
    expect(answer.headers.get('docker-content-digest')).toBe(digest);
  });
});

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assemble, blob, imageOf, indexOf, MEDIA, sha256, tarOf, type Image } from '../support/image.ts';
import { missingRegistry, startRegistry, type Registry } from '../support/registry.ts';
import type { PullLine } from '../../src/registry/progress.ts';
import { makePuller } from './support/puller.ts';

const missing = missingRegistry();
const HEX = 'a'.repeat(64);

describe.skipIf(missing)(missing ? `pull (skipped: ${missing})` : 'pull', () => {
  let registry: Registry;
  const hello = imageOf([
    [{ name: 'etc/' }, { name: 'etc/hello', content: 'hello\n' }],
    [{ name: 'big', content: randomBytes(400_000) }],
  ]);
  const docker = imageOf([[{ name: 'a', content: 'a' }]], { docker: true });
  beforeAll(async () => {
    registry = await startRegistry();
    await registry.push(hello, 'library/hello', 'latest');
    await registry.push(docker, 'library/docker', 'latest');
  });
  afterAll(() => registry?.stop());

  test('brings every blob of an OCI image, verified, and reports it in the lines that Docker sends', async () => {
    const { pull, content, layers } = makePuller();
    const lines: PullLine[] = [];
    const pulled = await pull(`${registry.host}/library/hello`, { lines });
    expect(pulled).toMatchObject({
      digest: hello.manifest.digest,
      manifest: hello.manifest.digest,
      config: hello.config.digest,
      changed: true,
    });
    for (const { digest } of [hello.manifest, hello.config, ...hello.layers])
      expect(content.read(digest as `sha256:${string}`).length).toBeGreaterThan(0);
    expect(layers.layers.size).toBe(2);
    expect(lines[0]).toEqual({ status: 'Pulling from library/hello', id: 'latest' });
    for (const layer of hello.layers) {
      const id = layer.digest.slice(7, 19);
      const seen = lines.filter((line) => line.id === id).map((line) => line.status);
      expect([...new Set(seen)].filter((status) => status !== 'Waiting')).toEqual([
        'Pulling fs layer',
        'Downloading',
        'Verifying Checksum',
        'Download complete',
        'Extracting',
        'Pull complete',
      ]);
    }
    const last = lines.filter((line) => line.status === 'Downloading').at(-1)!;
    expect(last.progressDetail).toEqual({ current: last.progressDetail!.total, total: last.progressDetail!.total });
    expect(last.progress).toContain('[==================================================>]');
  });

  test("brings an image in Docker's media types", async () => {
    const { pull } = makePuller();
    expect((await pull(`${registry.host}/library/docker`)).config).toBe(docker.config.digest);
  });

  test('brings by digest exactly that manifest, whatever the tag says', async () => {
    const { pull } = makePuller();
    const lines: PullLine[] = [];
    const pulled = await pull(`${registry.host}/library/hello:none@${hello.manifest.digest}`, { lines });
    expect(pulled.digest).toBe(hello.manifest.digest);
    expect(lines[0]).toEqual({ status: 'Pulling from library/hello', id: hello.manifest.digest });
  });

  test('a layer that is here is not fetched again, and is told as Already exists', async () => {
    const { pull, layers } = makePuller();
    await pull(`${registry.host}/library/hello`);
    const other = imageOf([
      [{ name: 'etc/' }, { name: 'etc/hello', content: 'hello\n' }],
      [{ name: 'new', content: 'n' }],
    ]);
    await registry.push(other, 'library/other', 'latest');
    const lines: PullLine[] = [];
    await pull(`${registry.host}/library/other`, { lines });
    expect(lines.filter((line) => line.status === 'Already exists').map((line) => line.id)).toEqual([
      other.layers[0]!.digest.slice(7, 19),
    ]);
    expect(layers.layers.size).toBe(3);
  });

  test('two pulls of one image at a time share its downloads', async () => {
    const puller = makePuller();
    const [a, b] = await Promise.all([
      puller.pull(`${registry.host}/library/hello`),
      puller.pull(`${registry.host}/library/hello`),
    ]);
    expect(a.config).toBe(b.config);
  });

  test('an aborted pull rejects with its reason and commits no half blob', async () => {
    const { pull, content } = makePuller();
    const abort = new AbortController();
    const lines: PullLine[] = [];
    lines.push = (line: PullLine) => {
      if (line.status === 'Downloading') abort.abort(new Error('enough'));
      return 0;
    };
    await expect(pull(`${registry.host}/library/hello`, { signal: abort.signal, lines })).rejects.toThrow('enough');
    for (const digest of content.list()) content.read(digest);
  });

  describe('of an index', () => {
    const images = (['amd64', 'arm64', 'riscv64'] as const).map((architecture) => ({
      image: imageOf([[{ name: 'arch', content: architecture }]], { architecture }),
      platform: { os: 'linux', architecture },
    }));
    const v6 = {
      image: imageOf([[{ name: 'arch', content: 'v6' }]]),
      platform: { os: 'linux', architecture: 'arm', variant: 'v6' },
    };
    const v7 = {
      image: imageOf([[{ name: 'arch', content: 'v7' }]]),
      platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
    };
    const index = indexOf([
      { image: images[0]!.image, platform: { os: 'windows', architecture: 'amd64' } },
      ...images,
      v6,
      v7,
    ]);
    beforeAll(async () => {
      for (const { image } of [...images, v6, v7])
        await registry.push(image, 'library/multi', image.manifest.digest.slice(7, 19));
      await registry.pushManifest(index, 'library/multi', 'latest');
      const dockerIndex = indexOf(images, { docker: true });
      await registry.pushManifest(dockerIndex, 'library/multi', 'docker');
    });

    test.each([
      ['linux/amd64', images[0]!],
      ['linux/x86_64', images[0]!],
      ['linux/amd64/v3', images[0]!],
      ['linux/arm64', images[1]!],
      ['linux/arm64/v8', images[1]!],
      ['arm64', images[1]!],
      ['linux/riscv64', images[2]!],
      ['linux/arm', v7],
      ['linux/arm/v6', v6],
    ])('%s chooses the manifest of that platform', async (platform, { image }) => {
      const { pull, content } = makePuller();
      const pulled = await pull(`${registry.host}/library/multi`, { platform });
      expect(pulled).toMatchObject({
        digest: index.digest,
        manifest: image.manifest.digest,
        config: image.config.digest,
      });
      expect(content.has(index.digest as `sha256:${string}`)).toBe(true);
    });

    test("Docker's manifest list does as well", async () => {
      const { pull } = makePuller();
      expect(await pull(`${registry.host}/library/multi:docker`, { platform: 'arm64' })).toMatchObject({
        manifest: images[1]!.image.manifest.digest,
      });
    });

    test('no manifest for the platform is the error that Docker gives', async () => {
      const { pull } = makePuller();
      await expect(pull(`${registry.host}/library/multi`, { platform: 'linux/s390x' })).rejects.toMatchObject({
        kind: 'notFound',
        message: 'no matching manifest for linux/s390x in the manifest list entries',
      });
    });
  });

  test.each([
    ['library/nope', 'manifest for HOST/library/nope:latest not found: manifest unknown: manifest unknown'],
    ['library/hello:nope', 'manifest for HOST/library/hello:nope not found: manifest unknown: manifest unknown'],
    [
      `library/hello@sha256:${HEX}`,
      `manifest for HOST/library/hello@sha256:${HEX} not found: manifest unknown: manifest unknown`,
    ],
  ])("an unknown image (%s) is the error that Docker's clients know", async (name, message) => {
    const { pull } = makePuller();
    await expect(pull(`${registry.host}/${name}`)).rejects.toMatchObject({
      kind: 'notFound',
      message: message.replace('HOST', registry.host),
    });
  });

  test('nobody listens: the dial error names address and port', async () => {
    const { pull } = makePuller();
    await expect(pull('127.0.0.1:1/a')).rejects.toMatchObject({
      message: 'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
    });
  });

  test('a mirror is asked for docker.io images, under their library name', async () => {
    const { pull } = makePuller({ config: () => ({ mirrors: [registry.url], insecure: [] }) });
    expect((await pull('hello')).config).toBe(hello.config.digest);
  });

  test('a mirror that does not answer is passed over for the next', async () => {
    const { pull } = makePuller({ config: () => ({ mirrors: ['http://127.0.0.1:1', registry.url], insecure: [] }) });
    expect((await pull('docker.io/library/hello')).config).toBe(hello.config.digest);
  });

  describe('refuses', () => {
    const push = async (image: Image, tag: string) => registry.push(image, 'library/bad', tag);

    test('a layer whose uncompressed bytes are not its diffID', async () => {
      const layer = blob(MEDIA.layer, tarOf([{ name: 'a', content: 'a' }]));
      const image = assemble([{ blob: layer, diffID: `sha256:${HEX}` }]);
      await push(image, 'diffid');
      const { pull, layers } = makePuller();
      await expect(pull(`${registry.host}/library/bad:diffid`)).rejects.toThrow(
        `expected diffID sha256:${HEX}, found ${layer.digest}`,
      );
      expect(layers.layers.size).toBe(0);
    });

    test('an image for another operating system', async () => {
      await push(imageOf([[{ name: 'a' }]], { os: 'windows' }), 'windows');
      const { pull } = makePuller();
      await expect(pull(`${registry.host}/library/bad:windows`)).rejects.toThrow(
        'image operating system "windows" cannot be used on this platform',
      );
    });

    test('more or fewer diffIDs than layers', async () => {
      const image = imageOf([[{ name: 'a' }]]);
      const config = blob(
        MEDIA.config,
        image.config.bytes.toString().replace(/"diff_ids":\[[^\]]*\]/, '"diff_ids":[]'),
      );
      await registry.push(withConfig(image, config), 'library/bad', 'diffids');
      const { pull } = makePuller();
      await expect(pull(`${registry.host}/library/bad:diffids`)).rejects.toThrow('0 diffIDs for 1 layers');
    });

    test('128 layers, before any of them is fetched', async () => {
      const layer = { blob: blob(MEDIA.layer, tarOf([{ name: 'a' }])), diffID: sha256(tarOf([{ name: 'a' }])) };
      await push(assemble(Array.from({ length: 128 }, () => layer)), 'deep');
      const { pull, content } = makePuller();
      await expect(pull(`${registry.host}/library/bad:deep`)).rejects.toThrow('max depth exceeded');
      expect(content.list()).toEqual([]);
    });

    test('an artifact that is no image', async () => {
      const image = imageOf([[{ name: 'a' }]]);
      await registry.push(withConfig(image, blob('application/vnd.example+json', '{}')), 'library/bad', 'artifact');
      const { pull } = makePuller();
      await expect(pull(`${registry.host}/library/bad:artifact`)).rejects.toThrow('not an image');
    });
  });

  test('leaves nothing in ingest/ when it is done', async () => {
    const { pull, content } = makePuller();
    await pull(`${registry.host}/library/hello`);
    expect(readdirSync(join(content.directory, 'ingest'))).toEqual([]);
  });
});

function withConfig(image: Image, config: Image['config']): Image {
  const manifest = JSON.parse(image.manifest.bytes.toString()) as Record<string, unknown>;
  manifest.config = { mediaType: config.mediaType, digest: config.digest, size: config.size };
  return { ...image, config, manifest: blob(MEDIA.manifest, JSON.stringify(manifest)) };
}

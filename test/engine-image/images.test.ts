import { mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Digest } from '../../src/base/digest.ts';
import type { Summary } from '../../src/engine/image/list.ts';
import { imageOf, type Image } from '../support/image.ts';
import { missingRegistry, startRegistry, type Registry } from '../support/registry.ts';
import { scratch } from '../support/scratch.ts';
import { makeBench } from './support/images.ts';

const missing = missingRegistry();
const all = (filters: Record<string, string[]> = {}) => ({ all: false, digests: false, filters });

describe.skipIf(missing)(missing ? `images (skipped: ${missing})` : 'images', () => {
  let registry: Registry;
  let host = '';
  const base = [{ name: 'base', content: 'base' }];
  const one = imageOf([base, [{ name: 'one', content: 'one' }]], { config: { Labels: { a: '1', b: '2' } } });
  const two = imageOf([base, [{ name: 'two', content: 'two' }]], { config: { User: 'me' } });
  beforeAll(async () => {
    registry = await startRegistry();
    host = registry.host;
    await registry.push(one, 'x/one', 'latest');
    await registry.push(two, 'x/two', 'latest');
  });
  afterAll(() => registry?.stop());

  const id = (image: Image) => image.config.digest as Digest;
  const short = (image: Image) => id(image).slice(7, 19);

  describe('pull', () => {
    test('ends with the digest and the status that Docker prints, and says so when nothing is newer', async () => {
      const { pull } = makeBench();
      const first = (await pull(`${host}/x/one`)).map(({ status }) => status);
      expect(first.slice(-2)).toEqual([
        `Digest: ${one.manifest.digest}`,
        `Status: Downloaded newer image for ${host}/x/one:latest`,
      ]);
      expect((await pull(`${host}/x/one`)).map(({ status }) => status)).toEqual([
        'Pulling from x/one',
        `Digest: ${one.manifest.digest}`,
        `Status: Image is up to date for ${host}/x/one:latest`,
      ]);
    });

    test('a tag that moved takes its name from the old image, which dangles', async () => {
      const { pull, images } = makeBench();
      await registry.push(one, 'x/moving', 'latest');
      await pull(`${host}/x/moving`);
      await registry.push(two, 'x/moving', 'latest');
      await pull(`${host}/x/moving`);
      const found = (await images.list(all())) as Summary[];
      expect(found.find(({ Id }) => Id === id(one))).toMatchObject({
        RepoTags: [],
        RepoDigests: [`${host}/x/moving@${one.manifest.digest}`],
      });
      expect(found.find(({ Id }) => Id === id(two))!.RepoTags).toEqual([`${host}/x/moving:latest`]);
      expect(((await images.list(all({ dangling: ['true'] }))) as Summary[]).map(({ Id }) => Id)).toEqual([id(one)]);
    });

    test('by digest gives no tag', async () => {
      const { pull, images } = makeBench();
      const lines = await pull(`${host}/x/one@${one.manifest.digest}`);
      expect(lines.at(-1)!.status).toBe(`Status: Downloaded newer image for ${host}/x/one@${one.manifest.digest}`);
      expect(await images.inspect(`${host}/x/one@${one.manifest.digest}`)).toMatchObject({ Id: id(one), RepoTags: [] });
      expect((await pull(`${host}/x/one@${one.manifest.digest}`)).at(-1)!.status).toContain('Image is up to date');
    });

    test('of an image whose only platform is another warns, and keeps it', async () => {
      const { pull, images } = makeBench();
      const lines = await pull(`${host}/x/one`, { platform: 'linux/s390x' });
      expect(lines.at(-1)!.status).toMatch(/^WARNING: image with reference .*\/x\/one was found but its platform/);
      expect(() => images.resolve(`${host}/x/one`, 'linux/s390x')).toThrow('does not match the specified platform');
      expect(images.resolve(`${host}/x/one`).id).toBe(id(one));
    });

    test('brings back a layer that was lost', async () => {
      const { pull, layers } = makeBench();
      await pull(`${host}/x/one`);
      const [lost] = layers.sizes.keys();
      layers.sizes.delete(lost!);
      const lines = await pull(`${host}/x/one`);
      expect(layers.has(lost!)).toBe(true);
      expect(lines.map(({ status }) => status)).toContain('Already exists');
    });
  });

  test('a pull that fills the disk leaves no blob behind; one that fails otherwise keeps what it has for the next try', async () => {
    const bench = makeBench();
    const fail = (message: string) => {
      bench.layers.unpack = () => Promise.reject(new Error(message));
    };
    fail('the line is cut');
    await expect(bench.pull(`${host}/x/one`)).rejects.toThrow('cut');
    expect(bench.content.has(one.manifest.digest as Digest)).toBe(true);
    fail('write layer: ENOSPC: no space left on device');
    await expect(bench.pull(`${host}/x/one`)).rejects.toThrow('ENOSPC');
    expect(bench.content.list()).toEqual([]);
    expect(bench.images.count).toBe(0);
  });

  describe('are found', () => {
    test('by name, by id, and by the beginning of an id', async () => {
      const { pull, images } = makeBench();
      await pull(`${host}/x/one`);
      for (const name of [
        `${host}/x/one`,
        `${host}/x/one:latest`,
        id(one),
        id(one).slice(7),
        short(one),
        id(one).slice(0, 15),
      ])
        expect(images.resolve(name)).toMatchObject({ id: id(one), repoTags: [`${host}/x/one:latest`] });
    });

    test.each([
      ['nope', 'No such image: nope:latest'],
      ['nope:1', 'No such image: nope:1'],
      ['abcdef123456', 'No such image: abcdef123456:latest'],
      [`sha256:${'a'.repeat(64)}`, `No such image: sha256:${'a'.repeat(64)}`],
    ])('or not: %s', (name, message) => {
      expect(() => makeBench().images.resolve(name)).toThrow(expect.objectContaining({ kind: 'notFound', message }));
    });

    test('after a restart, with their names', async () => {
      const bench = makeBench();
      await bench.pull(`${host}/x/one`);
      await bench.images.tag(`${host}/x/one`, { repo: 'mine', tag: '1' });
      const again = bench.reopen();
      expect(again.images.resolve('mine:1')).toMatchObject({
        id: id(one),
        repoTags: [`${host}/x/one:latest`, 'mine:1'],
      });
    });
  });

  describe('list', () => {
    test('has the fields of Docker, newest first', async () => {
      const { pull, images } = makeBench();
      await pull(`${host}/x/one`);
      const [summary] = (await images.list(all())) as Summary[];
      expect(summary).toEqual({
        Containers: -1,
        Created: Date.parse('2026-01-01T00:00:00Z') / 1000,
        Id: id(one),
        Labels: { a: '1', b: '2' },
        ParentId: '',
        RepoDigests: [`${host}/x/one@${one.manifest.digest}`],
        RepoTags: [`${host}/x/one:latest`],
        SharedSize: -1,
        Size: expect.any(Number) as number,
      });
    });

    test.each([
      [{ reference: ['*'] }, 1],
      [{ reference: ['mine'] }, 1],
      [{ reference: ['mine:1'] }, 1],
      [{ reference: ['m*:*'] }, 1],
      [{ reference: ['*:2'] }, 0],
      [{ reference: ['*/x/one'] }, 1],
      [{ label: ['a'] }, 1],
      [{ label: ['a=1', 'b=2'] }, 1],
      [{ label: ['a=2'] }, 0],
      [{ dangling: ['false'] }, 2],
      [{ dangling: ['true'] }, 0],
      [{ until: ['2025-01-01'] }, 0],
      [{ until: ['1h'] }, 2],
    ] as [Record<string, string[]>, number][])('filters %j to %d images', async (filters, count) => {
      const { pull, images } = makeBench();
      await pull(`${host}/x/one`);
      await pull(`${host}/x/two`);
      await images.tag(`${host}/x/one`, { repo: 'mine', tag: '1' });
      expect((await images.list(all(filters))).length).toBe(count);
    });

    test('refuses a filter that it does not know', async () => {
      await expect(makeBench().images.list(all({ color: ['red'] }))).rejects.toThrow("invalid filter 'color'");
      await expect(makeBench().images.list(all({ dangling: ['maybe'] }))).rejects.toThrow(
        "invalid filter 'dangling=[maybe]'",
      );
    });

    test('measures shared layers once', async () => {
      const { pull, images, layers } = makeBench();
      await pull(`${host}/x/one`);
      await pull(`${host}/x/two`);
      const { LayersSize, Images } = images.usage();
      expect(LayersSize).toBe([...layers.sizes.values()].reduce((a, b) => a + b));
      const [shared] = [...layers.sizes];
      expect(Images.map(({ SharedSize }) => SharedSize)).toEqual([shared![1], shared![1]]);
    });
  });

  test('inspect has the fields of Docker', async () => {
    const { pull, images } = makeBench();
    await pull(`${host}/x/two`);
    expect(await images.inspect(`${host}/x/two`)).toMatchObject({
      Id: id(two),
      RepoTags: [`${host}/x/two:latest`],
      RepoDigests: [`${host}/x/two@${two.manifest.digest}`],
      Created: '2026-01-01T00:00:00Z',
      Config: { User: 'me', Cmd: ['sh'], Entrypoint: null, Env: [expect.stringContaining('PATH=')] },
      Os: 'linux',
      RootFS: { Type: 'layers', Layers: JSON.parse(two.config.bytes.toString()).rootfs.diff_ids },
      Metadata: { LastTagTime: '0001-01-01T00:00:00Z' },
    });
  });

  describe('tag', () => {
    test('refuses what is no name, with the texts of Docker', async () => {
      const { pull, images } = makeBench();
      await pull(`${host}/x/one`);
      await expect(images.tag('nope', { repo: 'a' })).rejects.toThrow('No such image: nope:latest');
      await expect(images.tag(`${host}/x/one`, { repo: 'Foo' })).rejects.toThrow('must be lowercase');
      await expect(images.tag(`${host}/x/one`, { repo: `foo@sha256:${'a'.repeat(64)}` })).rejects.toThrow(
        'refusing to create a tag with a digest reference',
      );
    });

    test('sets LastTagTime', async () => {
      const { pull, images } = makeBench();
      await pull(`${host}/x/one`);
      await images.tag(`${host}/x/one`, { repo: 'mine' });
      const { Metadata } = (await images.inspect('mine')) as { Metadata: { LastTagTime: string } };
      expect(Metadata.LastTagTime).toMatch(/^20/);
    });
  });

  describe('remove', () => {
    test('by the last name deletes the image, its blobs and the layers that no other has', async () => {
      const { pull, images, content, layers } = makeBench();
      await pull(`${host}/x/one`);
      await pull(`${host}/x/two`);
      const removed = await images.remove(`${host}/x/one`, { force: false, prune: true });
      expect(removed).toEqual([
        { Untagged: `${host}/x/one:latest` },
        { Untagged: `${host}/x/one@${one.manifest.digest}` },
        { Deleted: id(one) },
        { Deleted: expect.stringMatching(/^sha256:/) as string },
      ]);
      expect(layers.sizes.size).toBe(2);
      expect(content.list().sort()).toEqual(
        [two.manifest, two.config, ...two.layers].map(({ digest }) => digest).sort(),
      );
      const rest = await images.remove(`${host}/x/two`, { force: false, prune: true });
      expect(rest.filter(({ Deleted }) => Deleted).length).toBe(3);
      expect(content.list()).toEqual([]);
      expect(layers.sizes.size).toBe(0);
    });

    test('of one name of several only untags', async () => {
      const { pull, images } = makeBench();
      await pull(`${host}/x/one`);
      await images.tag(`${host}/x/one`, { repo: 'mine', tag: '1' });
      expect(await images.remove('mine:1', { force: false, prune: true })).toEqual([{ Untagged: 'mine:1' }]);
      expect(images.resolve(`${host}/x/one`).id).toBe(id(one));
    });

    test('by id of an image with names in two repositories must be forced', async () => {
      const { pull, images, events } = makeBench();
      await pull(`${host}/x/one`);
      await images.tag(`${host}/x/one`, { repo: 'mine', tag: '1' });
      await expect(images.remove(short(one), { force: false, prune: true })).rejects.toMatchObject({
        kind: 'conflict',
        message: `conflict: unable to delete ${short(one)} (must be forced) - image is referenced in multiple repositories`,
      });
      const removed = await images.remove(short(one), { force: true, prune: true });
      expect(removed.filter(({ Untagged }) => Untagged).length).toBe(3);
      expect(events.at(-1)).toBe(`delete ${id(one)}`);
    });

    test('is refused while a stopped container uses it, and forced leaves the layers that it stands on', async () => {
      const { pull, images, users, layers } = makeBench();
      await pull(`${host}/x/one`);
      const container = 'c'.repeat(64);
      users.set(id(one), [{ id: container, running: false }]);
      layers.active.set(container, images.resolve(id(one)).diffIDs);
      await expect(images.remove(`${host}/x/one`, { force: false, prune: true })).rejects.toThrow(
        `conflict: unable to remove repository reference "${host}/x/one" (must force) - container cccccccccccc is using its referenced image ${short(one)}`,
      );
      await expect(images.remove(id(one), { force: false, prune: true })).rejects.toThrow(
        `conflict: unable to delete ${short(one)} (must be forced) - image is being used by stopped container cccccccccccc`,
      );
      const removed = await images.remove(`${host}/x/one`, { force: true, prune: true });
      expect(removed).toContainEqual({ Deleted: id(one) });
      expect(layers.sizes.size).toBe(2);
      const diffIDs = layers.active.get(container)!;
      layers.active.delete(container);
      await images.released(diffIDs);
      expect(layers.sizes.size).toBe(0);
    });

    test("of a running container's image cannot be forced", async () => {
      const { pull, images, users } = makeBench();
      await pull(`${host}/x/one`);
      users.set(id(one), [{ id: 'd'.repeat(64), running: true }]);
      await expect(images.remove(id(one), { force: true, prune: true })).rejects.toThrow(
        `conflict: unable to delete ${short(one)} (cannot be forced) - image is being used by running container dddddddddddd`,
      );
    });

    test('spares what a pull that is under way has already found here', async () => {
      const bench = makeBench();
      await bench.pull(`${host}/x/one`);
      const pulling = bench.pull(`${host}/x/two`);
      await Promise.all([pulling, bench.images.remove(`${host}/x/one`, { force: false, prune: true })]);
      expect((await bench.images.check()).problems).toEqual([]);
      expect(bench.images.resolve(`${host}/x/two`).diffIDs.every((diffID) => bench.layers.has(diffID))).toBe(true);
    });
  });

  describe('on disk', () => {
    test('a corrupt record costs one image, not the start; check names it and what to do', async () => {
      const bench = makeBench();
      await bench.pull(`${host}/x/one`);
      await bench.pull(`${host}/x/two`);
      const file = join(bench.directory, 'image', `${id(one).slice(7)}.json`);
      writeFileSync(file, '{"id": ');
      const again = bench.reopen();
      const told = await again.images.start({
        builtIn: [{ name: 'shipped', directory: join(bench.directory, 'none') }],
      });
      expect(told).toEqual([
        expect.stringContaining(`state file ${file} is corrupt`),
        expect.stringContaining('import shipped: read image layout'),
      ]);
      expect(() => again.images.resolve(`${host}/x/one`)).toThrow('No such image');
      expect(again.images.resolve(`${host}/x/two`).id).toBe(id(two));
      const { problems } = await again.images.check();
      expect(problems).toEqual([
        expect.stringMatching(/^state file .* is corrupt: .*\(rm .*, then pull the image again\)$/),
      ]);
      await again.pull(`${host}/x/one`);
      expect(again.reopen().images.resolve(`${host}/x/one`).id).toBe(id(one));
    });

    test('check names a blob with a wrong byte, a missing blob and a missing layer', async () => {
      const bench = makeBench();
      await bench.pull(`${host}/x/one`);
      expect((await bench.images.check()).problems).toEqual([]);
      writeFileSync(bench.content.path(one.layers[0]!.digest as Digest), 'x');
      bench.content.remove(one.manifest.digest as Digest);
      const [lost] = bench.images.resolve(id(one)).diffIDs;
      bench.layers.sizes.delete(lost!);
      const text = (await bench.images.check()).problems.join('\n');
      expect(text).toContain(`blob ${one.layers[0]!.digest} is corrupt`);
      expect(text).toContain(`its manifest ${one.manifest.digest} is missing`);
      expect(text).toContain(`image ${host}/x/one:latest: its layer ${lost} is missing (punnet pull it again)`);
    });

    test('two images with one name after a crash: the later one keeps it', async () => {
      const bench = makeBench();
      await bench.pull(`${host}/x/one`);
      await bench.pull(`${host}/x/two`);
      const images = join(bench.directory, 'image');
      for (const [image, when] of [
        [one, '2026-01-01T00:00:00Z'],
        [two, '2026-01-02T00:00:00Z'],
      ] as const) {
        const { diffIDs } = bench.images.resolve(id(image));
        const record = {
          id: id(image),
          names: { 'docker.io/library/same:1': when },
          manifests: [],
          layers: [],
          diffIDs,
        };
        writeFileSync(join(images, `${id(image).slice(7)}.json`), JSON.stringify(record));
      }
      expect(bench.reopen().images.resolve('same:1').id).toBe(id(two));
      expect(bench.reopen().images.resolve(id(one)).repoTags).toEqual([]);
    });

    test('what given-up pulls left is freed at the start, once it is a day old', async () => {
      const bench = makeBench();
      await bench.pull(`${host}/x/one`);
      const old = await bench.content.write(Buffer.from('old'));
      const fresh = await bench.content.write(Buffer.from('fresh'));
      utimesSync(bench.content.path(old), 1000, 1000);
      for (const { digest } of one.layers) utimesSync(bench.content.path(digest as Digest), 1000, 1000);
      const again = bench.reopen();
      await again.images.start();
      expect(again.content.has(old)).toBe(false);
      expect(again.content.has(fresh)).toBe(true);
      expect((await again.images.check()).problems).toEqual([]);
    });

    test('holds nothing but records', async () => {
      const bench = makeBench();
      await bench.pull(`${host}/x/one`);
      expect(readdirSync(join(bench.directory, 'image'))).toEqual([`${id(one).slice(7)}.json`]);
    });
  });

  test('an OCI layout is imported under its name when that is absent, verified', async () => {
    const layout = scratch('layout');
    mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
    for (const { digest, bytes } of [one.manifest, one.config, ...one.layers])
      writeFileSync(join(layout, 'blobs/sha256', digest.slice(7)), bytes);
    const { mediaType, digest, size } = one.manifest;
    writeFileSync(
      join(layout, 'index.json'),
      JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType, digest, size }] }),
    );
    const bench = makeBench();
    const builtIn = [{ name: 'busybox', directory: layout }];
    await bench.images.start({ builtIn });
    expect(bench.images.resolve('busybox')).toMatchObject({
      id: id(one),
      repoTags: ['busybox:latest'],
      repoDigests: [],
    });
    rmSync(layout, { recursive: true });
    await bench.images.start({ builtIn });
    expect((await bench.images.check()).problems).toEqual([]);
  });
});

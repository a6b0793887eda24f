import { chmodSync, copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, inject, test } from 'vitest';
import { Parser } from 'tar';
import type { Engine } from '../support/engine.ts';
import { engines, onEveryEngine } from '../support/every-engine.ts';
import { need } from '../support/need.ts';
import { mustRun } from '../support/process.ts';
import { sha256, tarOf } from '../support/image.ts';
import { makeOpenScratch } from '../support/until.ts';

const registry = inject('registry');

/** The small files of an archive, and the names of all. */
async function contents(path: string): Promise<{ names: string[]; files: Map<string, Buffer> }> {
  const names: string[] = [];
  const files = new Map<string, Buffer>();
  const parser = new Parser({
    onReadEntry: (entry) => {
      names.push(entry.path);
      const chunks: Buffer[] = [];
      entry.on('data', (chunk) => chunks.push(chunk as Buffer));
      entry.on('end', () => files.set(entry.path, Buffer.concat(chunks)));
    },
  });
  await new Promise<void>((resolve, reject) => {
    parser.on('end', resolve);
    parser.on('error', reject);
    parser.end(readFileSync(path));
  });
  return { names, files };
}

onEveryEngine('save, load', (engine: Engine) => {
  const images: string[] = [];
  const containers: string[] = [];
  afterAll(async () => {
    await engine.remove(...containers);
    await engine.cli(['rmi', '-f', ...images]);
  });

  const file = (name: string) => join(engine.spec.home, `${engine.name(name)}.tar`);
  const idOf = async (name: string) => String(await engine.inspect(name, '.Id'));

  /** An image of busybox and one layer more, which prints its name. */
  async function made(): Promise<string> {
    const name = engine.name('saved');
    containers.push(name);
    await engine.must(['run', '--network', 'none', '--name', name, 'busybox', 'sh', '-c', `echo ${name} > /who`]);
    await engine.must(['commit', '-c', 'CMD ["cat", "/who"]', name, `${name}:1`]);
    images.push(`${name}:1`);
    return name;
  }

  test('an image comes back under its id and name, and runs', async () => {
    const name = await made();
    const id = await idOf(`${name}:1`);
    const archive = file('one');
    expect(await engine.must(['save', '-o', archive, `${name}:1`])).toBe('');
    await engine.must(['rmi', '-f', `${name}:1`]);
    expect(await engine.must(['load', '-i', archive])).toBe(`Loaded image: ${name}:1`);
    expect(await idOf(`${name}:1`)).toBe(id);
    expect((await engine.run([], [], { image: `${name}:1` })).stdout).toBe(`${name}\n`);
    expect(await engine.must(['load', '-q', '-i', archive])).toBe(`Loaded image: ${name}:1`);
  });

  test('a repository is all of its tags; an id is none', async () => {
    const name = await made();
    await engine.must(['tag', `${name}:1`, `${name}:2`]);
    images.push(`${name}:2`);
    const id = await idOf(`${name}:1`);
    const [all, bare] = [file('all'), file('bare')];
    await engine.must(['save', '-o', all, name]);
    await engine.must(['save', '-o', bare, id]);
    const tagsIn = async (path: string) =>
      (JSON.parse((await contents(path)).files.get('manifest.json')!.toString()) as { RepoTags: string[] | null }[])[0]!
        .RepoTags;
    expect((await tagsIn(all))!.sort()).toEqual([`${name}:1`, `${name}:2`]);
    expect(await tagsIn(bare)).toBeNull();
    await engine.must(['rmi', '-f', `${name}:1`, `${name}:2`]);
    expect(await engine.must(['load', '-i', bare])).toBe(`Loaded image ID: ${id}`);
    const loaded = (await engine.must(['load', '-i', all])).split('\n').sort();
    expect(loaded).toEqual([`Loaded image: ${name}:1`, `Loaded image: ${name}:2`]);
  });

  test('several images share their layers in one archive, which may come compressed from standard input', async () => {
    const names = [await made(), await made()];
    const archive = file('several');
    await engine.must(['save', '-o', archive, ...names.map((name) => `${name}:1`)]);
    const { files } = await contents(archive);
    const layers = (JSON.parse(files.get('manifest.json')!.toString()) as { Layers: string[] }[]).map((i) => i.Layers);
    expect(layers[0]![0]).toBe(layers[1]![0]);
    await engine.must(['rmi', '-f', ...names.map((name) => `${name}:1`)]);
    const loaded = await engine.must(['load'], { stdin: gzipSync(readFileSync(archive)) });
    expect(loaded.split('\n').sort()).toEqual(names.map((name) => `Loaded image: ${name}:1`).sort());
    for (const name of names) {
      expect((await engine.run([], [], { image: `${name}:1` })).stdout).toBe(`${name}\n`);
    }
  });

  test('a name that another image has goes to the one that is loaded, and says so', async () => {
    const name = await made();
    const archive = file('moved');
    await engine.must(['save', '-o', archive, `${name}:1`]);
    const id = await idOf(`${name}:1`);
    await engine.must(['tag', 'busybox', `${name}:1`]);
    const previous = await idOf('busybox');
    expect(await engine.must(['load', '-i', archive])).toBe(
      `The image ${name}:1 already exists, renaming the old one with ID ${previous} to empty string\n` +
        `Loaded image: ${name}:1`,
    );
    expect(await idOf(`${name}:1`)).toBe(id);
  });

  test.each([
    [['save', 'no-such-image'], 'Error response from daemon: No such image: no-such-image'],
    [['save', 'busybox:no-such-tag'], 'Error response from daemon: reference does not exist'],
    [['save', 'a b'], 'Error response from daemon: invalid reference format'],
    [['save', '-o', '/no/such/x.tar', 'busybox'], 'failed to save image: invalid output path: '],
    [['load', '-i', '/no/such/x.tar'], 'open /no/such/x.tar: no such file or directory'],
  ])('%j fails in Docker’s words', async (args, message) => {
    const { code, stderr } = await engine.cli(args);
    expect([code, stderr.slice(0, message.length)]).toEqual([1, message]);
  });

  test.each<[string, Buffer, string?]>([
    ['no archive', Buffer.from('this is no archive\n'.repeat(100))],
    ['an archive of files', tarOf([{ name: 'a', content: 'a' }])],
    ['a manifest without its files', tarOf([{ name: 'manifest.json', content: '[{"Config":"c","Layers":["l"]}]' }])],
    ['a name that cannot be', ...hostile({ RepoTags: ['../../x:1'] })],
    ['a layer that is not the one of the config', ...hostile({ diffID: `sha256:${'0'.repeat(64)}` })],
    ['a config for more layers', ...hostile({ more: true })],
  ])('%s is refused, and no image is there afterwards', async (_, bytes, id) => {
    const { code } = await engine.cli(['load'], { stdin: bytes });
    expect(code).toBe(1);
    // Docker finds out about a name when the image is here already.
    if (engine.spec.kind === 'punnet')
      expect((await engine.must(['images', '-aq', '--no-trunc'])).split('\n')).not.toContain(id);
  });

  test('a real Docker and skopeo read what it wrote, under the same id, and it reads what they wrote', async () => {
    const name = await made();
    const id = await idOf(`${name}:1`);
    const archive = file('exchanged');
    await engine.must(['save', '-o', archive, `${name}:1`]);
    const shared = join(makeOpenScratch('saved'), 'image.tar');
    const share = (path: string) => {
      copyFileSync(path, shared);
      chmodSync(shared, 0o644);
      return shared;
    };
    const docker = engines().find(({ spec }) => spec.kind === 'docker' && !spec.skip);
    if (docker && docker !== engine) {
      expect(await docker.must(['load', '-i', share(archive)])).toBe(`Loaded image: ${name}:1`);
      expect(await docker.inspect(`${name}:1`, '.Id')).toBe(id);
      expect((await docker.run([], [], { image: `${name}:1` })).stdout).toBe(`${name}\n`);
      const back = join(docker.spec.home, `${name}.tar`);
      await docker.must(['save', '-o', back, `${name}:1`]);
      await docker.must(['rmi', '-f', `${name}:1`]);
      await engine.must(['rmi', '-f', `${name}:1`]);
      expect(await engine.must(['load', '-i', share(back)])).toBe(`Loaded image: ${name}:1`);
      expect(await idOf(`${name}:1`)).toBe(id);
      expect((await engine.run([], [], { image: `${name}:1` })).stdout).toBe(`${name}\n`);
    }
    if (need('skopeo')) return;
    for (const form of ['docker-archive', 'oci-archive']) {
      // Docker 20.10 neither writes nor reads a layout.
      if (form === 'oci-archive' && engine.spec.kind === 'docker') continue;
      const copy = join(engine.spec.home, `${name}.${form}.tar`);
      const reference = form === 'docker-archive' ? `docker.io/library/${name}:1` : `${name}:1`;
      const source = form === 'docker-archive' ? archive : `${archive}:1`;
      await mustRun('skopeo', ['copy', '-q', `${form}:${source}`, `${form}:${copy}:${reference}`]);
      chmodSync(copy, 0o644);
      await engine.must(['rmi', '-f', `${name}:1`]);
      expect(await engine.must(['load', '-i', copy])).toBe(`Loaded image: ${name}:1`);
      expect((await engine.run([], [], { image: `${name}:1` })).stdout).toBe(`${name}\n`);
    }
  });

  test('what was pushed, saved and loaded is pushed again under its digest', async () => {
    const name = await made();
    const digestIn = (text: string) => /digest: (sha256:\w+)/.exec(text)![1];
    const target = `${registry}/loaded/${name}:1`;
    images.push(target);
    await engine.must(['tag', `${name}:1`, target]);
    const digest = digestIn(await engine.must(['push', target]));
    await engine.must(['rmi', '-f', `${name}:1`, target]);
    await engine.must(['pull', '-q', target]);
    const archive = file('pulled');
    await engine.must(['save', '-o', archive, target]);
    await engine.must(['rmi', '-f', target]);
    await engine.must(['load', '-i', archive]);
    expect(digestIn(await engine.must(['push', target]))).toBe(digest);
  });
});

/** An archive with one thing that is wrong, and the id that its image would have. */
function hostile(wrong: { RepoTags?: string[]; diffID?: string; more?: boolean }): [Buffer, string] {
  const layer = tarOf([{ name: 'file', content: 'x' }]);
  const diffID = wrong.diffID ?? sha256(layer);
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: wrong.more ? [diffID, diffID] : [diffID] },
  });
  const manifest = [{ Config: 'config.json', RepoTags: wrong.RepoTags ?? ['hostile:1'], Layers: ['layer.tar'] }];
  const archive = tarOf([
    { name: 'config.json', content: config },
    { name: 'layer.tar', content: layer },
    { name: 'manifest.json', content: JSON.stringify(manifest) },
  ]);
  return [archive, sha256(config)];
}

// pull, images, tag, rmi and inspect of images: names, digests and messages are Docker's.

import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { onEveryEngine } from '../support/every-engine.ts';

const registry = inject('registry');

onEveryEngine('pull, images, tag, rmi', (engine) => {
  const remote = (name: string) => `${registry}/test/${name}`;
  const forget = async (...names: string[]) => void (await engine.cli(['rmi', '-f', ...names]));
  const temporary = (name: string) => {
    onTestFinished(() => forget(name));
    return name;
  };

  describe('pull', () => {
    test('says what Docker says, and prints the whole name last', async () => {
      await forget(remote('config'));
      const outcome = await engine.cli(['pull', remote('config')]);
      expect(outcome.code).toBe(0);
      const lines = outcome.stdout.trim().split('\n');
      expect(lines[0]).toBe('Using default tag: latest');
      expect(lines[1]).toBe('latest: Pulling from test/config');
      expect(lines.at(-3)).toMatch(/^Digest: sha256:[0-9a-f]{64}$/);
      expect(lines.at(-2)).toBe(`Status: Downloaded newer image for ${remote('config')}:latest`);
      expect(lines.at(-1)).toBe(`${remote('config')}:latest`);
    });

    test('of what is here says that it is up to date, with the same digest', async () => {
      const first = await engine.must(['pull', remote('config')]);
      const again = await engine.must(['pull', remote('config')]);
      expect(again).toContain(`Status: Image is up to date for ${remote('config')}:latest`);
      const digest = (text: string) => /Digest: (sha256:\w+)/.exec(text)![1];
      expect(digest(again)).toBe(digest(first));
    });

    test('-q prints the name alone', async () => {
      expect(await engine.must(['pull', '-q', remote('config')])).toBe(`${remote('config')}:latest`);
    });

    test('a tag that is absent is an error that names it', async () => {
      const outcome = await engine.cli(['pull', `${remote('config')}:no-such-tag`]);
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toMatch(/manifest for .*\/test\/config:no-such-tag not found: manifest unknown/);
    });

    test('a registry that does not answer is an error that names the address', async () => {
      const outcome = await engine.cli(['pull', '127.0.0.1:1/no/where']);
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toMatch(/127\.0\.0\.1:1\b.*connection refused/);
    });

    test('by digest pulls that image, and it has no tag', async () => {
      const text = await engine.must(['pull', remote('user')]);
      const digest = /Digest: (sha256:\w+)/.exec(text)![1]!;
      await forget(remote('user'));
      await engine.must(['pull', temporary(`${remote('user')}@${digest}`)]);
      expect(await engine.inspect(`${remote('user')}@${digest}`, '.RepoTags')).toEqual([]);
      expect(await engine.inspect(`${remote('user')}@${digest}`, '.RepoDigests')).toEqual([
        `${remote('user')}@${digest}`,
      ]);
    });

    test('a digest that the registry does not have is an error', async () => {
      const outcome = await engine.cli(['pull', `${remote('user')}@sha256:${'0'.repeat(64)}`]);
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toMatch(/manifest unknown|not found/);
    });

    test('of an index takes this machine’s platform', async () => {
      await engine.must(['pull', '-q', remote('multi')]);
      const architecture = await engine.inspect(remote('multi'), '.Architecture');
      expect((await engine.run([], [], { image: remote('multi') })).stdout).toBe(`${String(architecture)}\n`);
      expect(['amd64', 'arm64']).toContain(architecture);
    });

    test('--platform takes that of the index; one that it does not have is an error', async () => {
      await engine.must(['pull', '-q', '--platform', 'linux/s390x', remote('multi')]);
      expect(await engine.inspect(remote('multi'), '.Architecture')).toBe('s390x');
      const outcome = await engine.cli(['pull', '--platform', 'linux/riscv64', remote('multi')]);
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toMatch(/no matching manifest for linux\/riscv64 in the manifest list entries/);
      await engine.must(['pull', '-q', remote('multi')]);
    });
  });

  describe('images', () => {
    test('has Docker’s columns, and the short id', async () => {
      const lines = (await engine.must(['images', 'busybox'])).split('\n');
      expect(lines[0]!.trim().split(/ {2,}/)).toEqual(['REPOSITORY', 'TAG', 'IMAGE ID', 'CREATED', 'SIZE']);
      const id = (await engine.inspect('busybox', '.Id')) as string;
      const row = lines.find((line) => line.startsWith('busybox '))!;
      expect(row.split(/ {2,}/).slice(0, 3)).toEqual([
        'busybox',
        'latest',
        id.slice('sha256:'.length, 'sha256:'.length + 12),
      ]);
    });

    test('the id is the digest of the config', async () => {
      const { VARIANTS } = await import('./images.ts');
      expect(Object.keys(VARIANTS)).toContain('config');
      await engine.must(['pull', '-q', remote('config')]);
      const answer = await fetch(`http://${registry}/v2/test/config/manifests/latest`, {
        headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
      });
      const manifest = (await answer.json()) as { config: { digest: string } };
      expect(await engine.inspect(remote('config'), '.Id')).toBe(manifest.config.digest);
    });

    test('-q, --no-trunc, --digests and --format agree', async () => {
      const id = (await engine.inspect('busybox', '.Id')) as string;
      expect(new Set((await engine.must(['images', '-q', 'busybox'])).split('\n'))).toEqual(new Set([id.slice(7, 19)]));
      expect(new Set((await engine.must(['images', '-q', '--no-trunc', 'busybox'])).split('\n'))).toEqual(
        new Set([id]),
      );
      expect((await engine.must(['images', '--format', '{{.Repository}}:{{.Tag}}', 'busybox'])).split('\n')).toContain(
        'busybox:latest',
      );
      expect((await engine.must(['images', '--digests', 'busybox'])).split('\n')[0]).toContain('DIGEST');
    });

    test('--filter reference chooses', async () => {
      const names = (await engine.must(['images', '--filter', 'reference=busy*', '--format', '{{.Repository}}'])).split(
        '\n',
      );
      expect(new Set(names)).toEqual(new Set(['busybox']));
    });

    test('--filter label chooses', async () => {
      await engine.must(['pull', '-q', remote('config')]);
      const names = (
        await engine.must(['images', '--filter', 'label=org.example.a=image', '--format', '{{.Repository}}'])
      ).split('\n');
      expect(names).toEqual([remote('config')]);
    });
  });

  describe('tag', () => {
    test('gives a second name to one id', async () => {
      const name = temporary(`${engine.name('tag')}:v1`);
      await engine.must(['tag', 'busybox', name]);
      expect(await engine.inspect(name, '.Id')).toBe(await engine.inspect('busybox', '.Id'));
      expect(await engine.inspect(name, '.RepoTags')).toEqual(expect.arrayContaining(['busybox:latest', name]));
    });

    test('of an unknown image is an error that names it', async () => {
      const outcome = await engine.cli(['tag', 'no-such-image', 'x:y']);
      expect([outcome.code, outcome.stderr]).toEqual([1, expect.stringMatching(/No such image: no-such-image:latest/)]);
    });

    test('an invalid name is refused', async () => {
      const outcome = await engine.cli(['tag', 'busybox', 'UPPER:x']);
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toMatch(/must be lowercase|not a valid repository\/tag/);
    });
  });

  describe('rmi', () => {
    test('of one of two names untags, and keeps the image', async () => {
      const name = `${engine.name('rmi')}:v1`;
      await engine.must(['tag', 'busybox', name]);
      expect(await engine.must(['rmi', name])).toBe(`Untagged: ${name}`);
      expect((await engine.cli(['inspect', 'busybox'])).code).toBe(0);
    });

    test('of the last name untags and deletes', async () => {
      await engine.must(['pull', '-q', remote('no-path')]);
      const id = (await engine.inspect(remote('no-path'), '.Id')) as string;
      const lines = (await engine.must(['rmi', remote('no-path')])).split('\n');
      expect(lines[0]).toBe(`Untagged: ${remote('no-path')}:latest`);
      expect(lines[1]).toMatch(new RegExp(`^Untagged: ${remote('no-path')}@sha256:[0-9a-f]{64}$`));
      expect(lines[2]).toBe(`Deleted: ${id}`);
      expect((await engine.cli(['inspect', remote('no-path')])).code).toBe(1);
    });

    test('of an image that a stopped container uses is refused; -f untags it', async () => {
      await engine.must(['pull', '-q', remote('files')]);
      const name = engine.name('user');
      onTestFinished(() => engine.remove(name));
      await engine.must(['create', '--name', name, remote('files'), 'true']);
      const outcome = await engine.cli(['rmi', remote('files')]);
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toMatch(
        /conflict: unable to remove repository reference ".*\/test\/files" \(must force\) - container \w{12} is using its referenced image \w{12}/,
      );
      // Which container it names is the engine's choice: another test may have one of the same image.
      expect((await engine.cli(['rmi', '-f', remote('files')])).code).toBe(0);
    });

    test('of an unknown image is an error that names it', async () => {
      const outcome = await engine.cli(['rmi', 'no-such-image']);
      expect([outcome.code, outcome.stderr]).toEqual([1, expect.stringMatching(/No such image: no-such-image/)]);
    });
  });

  describe('inspect of an image', () => {
    test('has the config as the image has it', async () => {
      await engine.must(['pull', '-q', remote('config')]);
      const object = (await engine.inspect(remote('config'), '.')) as Record<string, unknown>;
      expect(object).toMatchObject({
        RepoTags: [`${remote('config')}:latest`],
        Os: 'linux',
        Config: {
          WorkingDir: '/work/dir',
          StopSignal: 'SIGUSR1',
          Labels: { 'org.example.a': 'image', 'org.example.b': 'image' },
          Cmd: ['sh', '-c', 'pwd; echo $FROM_IMAGE $BOTH'],
        },
        RootFS: { Type: 'layers', Layers: [expect.stringMatching(/^sha256:/)] },
      });
      expect(object.Size).toBeGreaterThan(100_000);
    });
  });
});

// testcontainers-node runs a script of its users' kind (test/clients/testcontainers/script.mjs) against punnet. Not
// against dockerd: of two runs of the script on 20.10 one waits in vain for a line of a log. The client is not ours; the engine is
// what is under test.

import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { PROJECT } from '../support/need.ts';
import { onEveryHost } from '../support/world.ts';

const SCRIPT = join(PROJECT, 'test/clients/testcontainers/script.mjs');

onEveryHost(
  'testcontainers',
  ['testcontainers'],
  (the) => {
    let said: Record<string, unknown>;

    beforeAll(async () => {
      const env = {
        // Its reaper is an image of a registry that tests do not ask.
        TESTCONTAINERS_RYUK_DISABLED: 'true',
        // The tests may themselves be in a container, where it would look for a gateway.
        TESTCONTAINERS_HOST_OVERRIDE: 'localhost',
        // Locks of its own, in a directory that the user of the engine may write.
        TMPDIR: the().home,
      };
      const outcome = await the().as(process.execPath, [SCRIPT, 'busybox'], { env, timeout: 230_000 });
      if (outcome.code !== 0) throw new Error(`script.mjs: exit ${outcome.code}\n${outcome.stdout}${outcome.stderr}`);
      said = JSON.parse(outcome.stdout.trim().split('\n').at(-1)!) as Record<string, unknown>;
    }, 240_000);

    test('mapped ports and the waits for ports, HTTP, log lines, health, commands and one shot', () => {
      expect(said).toMatchObject({ page: '200 front', missing: '404', restarted: '200 front' });
    });

    test('files are copied into containers before and after their start, and out of them', () => {
      expect(said).toMatchObject({ content: '200 from content', file: true, later: '200 later', archived: true });
    });

    test('exec: exit code, both streams, environment, user, directory', () => {
      expect(said.exec).toEqual({ exitCode: 3, stdout: 'out\ngreen\n', stderr: 'err\n' });
      expect(said).toMatchObject({ user: '1000', directory: '/www' });
    });

    test('containers of a network find each other by aliases', () => {
      expect(said).toMatchObject({ aliases: 'front\nfront\n', address: true });
    });

    test('logs, limits, tmpfs and commit', () => {
      expect(said).toMatchObject({ logs: ['one', 'three', 'two'], limit: '100\n1' });
      expect(said.committed).toMatch(/[0-9a-f]{64}$/);
    });

    test('a container that ends before it is ready is an error that says so', () => {
      expect(said.failure).toMatch(/not received/);
    });

    test('nothing is left when the script has stopped what it started', async () => {
      expect(await the().engine.must(['ps', '-a', '--format', '{{.Image}} {{.Status}}'])).not.toContain('Up');
      expect(await the().engine.must(['network', 'ls', '-q', '--filter', 'type=custom'])).toBe('');
    });
  },
  { kinds: ['user', 'root'] },
);

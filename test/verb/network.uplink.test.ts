// The way outside where pasta is missing: by slirp4netns, and where that is missing too, none, which is said and spoils nothing
// else. punnet alone, on hosts of its own, with a client beside it.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../support/until.ts';
import { CLIENT, HOST, onEveryHost, type World } from '../support/world.ts';
import { HTTPD, inWorld } from './network.context.ts';

const PASTA = ['pasta', 'pasta.avx2', 'passt', 'passt.avx2'];

/** A web server on the client, until the test ends. */
async function serveOutside(world: World, port: number): Promise<string> {
  writeFileSync(join(world.home, 'index.html'), 'outside\n');
  const server = world.serve('client', 'busybox', ['httpd', '-f', '-p', String(port), '-h', world.home]);
  onTestFinished(() => server.stop());
  await until('the server listens', async () => (await fetchFrom(world, 'client', `${CLIENT}:${port}`)) !== '');
  return `${CLIENT}:${port}`;
}

async function fetchFrom(world: World, where: 'host' | 'client', place: string): Promise<string> {
  const url = `http://${place}/`;
  return (await world.on(where, 'busybox', ['timeout', '5', 'busybox', 'wget', '-q', '-O', '-', url])).stdout;
}

onEveryHost(
  'a host without pasta',
  ['slirp4netns'],
  (the) => {
    const { sh, network } = inWorld(the);

    test('containers reach the outside by slirp4netns, and its names', async () => {
      const place = await serveOutside(the(), 8003);
      const net = await network();
      const get = (from: string) => `until timeout 5 wget -q -O - http://${from}/; do sleep 0.1; done`;
      expect(await sh(['--network', net], `${get(place)}; ${get('outside.test:8003')}`)).toBe('outside\noutside');
    });
  },
  { kinds: ['user', 'root'], hidden: PASTA },
);

onEveryHost(
  'a host without pasta and slirp4netns',
  [],
  (the) => {
    const { named, network, cli, start } = inWorld(the);

    test('run says that there is no way outside, and what to install', async () => {
      const { code, stderr } = await cli(['run', '--rm', 'busybox', 'true']);
      expect([code, stderr]).toEqual([0, expect.stringMatching(/Neither pasta nor slirp4netns .* outside .*passt/)]);
    });

    test('the outside is unreachable at once; neighbours, names and published ports work', async () => {
      const place = await serveOutside(the(), 8004);
      const net = await network();
      const web = named('web');
      await start(web, ['--network', net, '-p', '18091:80'], ...HTTPD);
      const inside = await cli([
        ...['run', '--rm', '--network', net, 'busybox', 'sh', '-c'],
        `until wget -q -O - http://${web}/; do sleep 0.1; done; wget -O - http://${place}/ 2>&1`,
      ]);
      expect(inside.stdout).toMatch(/^page\n[^]*unreachable/);
      await until('the page comes', async () => (await fetchFrom(the(), 'client', `${HOST}:18091`)) === 'page\n');
      const { stdout, stderr } = await cli(['logs', web]);
      expect(stdout + stderr).toContain(CLIENT);
    });
  },
  { kinds: ['user', 'root'], hidden: [...PASTA, 'slirp4netns'] },
);

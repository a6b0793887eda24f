// docker-compose as Debian has it (1.29) and `docker compose` (2): the project files of test/clients/compose come up, change and
// go under a real dockerd and under punnet alike. Neither client is ours; the engine is what is under test.

import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { composePlugin, need, PROJECT } from '../support/need.ts';
import { until } from '../support/until.ts';
import { CLIENT, HOST, onEveryHost, type World } from '../support/world.ts';

const CLIENTS = [
  { title: 'docker-compose 1', words: ['docker-compose'], missing: need('docker-compose') },
  { title: 'docker compose 2', words: ['docker', 'compose'], missing: need('docker-cli') ?? need('compose-plugin') },
];
/** Each client and engine has a port of its own, since what is published is published once. */
const PORT = 13000;

onEveryHost('compose', ['docker-cli'], (the) => {
  beforeAll(() => {
    cpSync(join(PROJECT, 'test/clients/compose'), join(the().home, 'compose'), { recursive: true });
    const plugin = composePlugin();
    if (!plugin) return;
    const link = join(the().engine.spec.env.DOCKER_CONFIG!, 'cli-plugins/docker-compose');
    mkdirSync(dirname(link), { recursive: true });
    if (!existsSync(link)) symlinkSync(plugin, link);
  });

  describe.each(CLIENTS)('$title', { timeout: 240_000 }, ({ words, missing }) => {
    describe.skipIf(missing)(missing ? `(skipped: ${missing})` : 'claims', () => {
      const project = (name: string) => {
        const compose = composeIn(the, { words, directory: join(the().home, 'compose', name) });
        onTestFinished(async () => void (await compose('down', '-v', '-t', '0')));
        return compose;
      };

      /** What a command in the first container of a service prints. */
      const at = async (name: string, service: string, script: string) => {
        const labels = [`com.docker.compose.project=${name}`, `com.docker.compose.service=${service}`];
        const ids = await the().engine.must(['ps', '-q', ...labels.flatMap((label) => ['--filter', `label=${label}`])]);
        return the().engine.must(['exec', ids.split('\n').at(-1)!, 'sh', '-c', script]);
      };

      test('an application with a database and a cache: built, ordered by health, published, named', async () => {
        const compose = project('app');
        await compose('up', '-d');
        // depends_on: the application started, so the database was healthy.
        expect(await compose('ps')).toMatch(/db[-_]1 .*\(healthy\)/);
        expect(await fetchFrom(the(), `http://${HOST}:${PORT}/`)).toBe('built\n');
        const inside = 'wget -q -O - http://db:5432/starts && ping -c 1 -W 5 cache && echo $DATABASE_URL';
        expect(await compose('exec', '-T', 'app', 'sh', '-c', inside)).toMatch(
          /^started\nPING cache [^]* 0% packet loss[^]*@db:5432\/app\n$/,
        );
      });

      test('its volume outlives restart, down and up, and not down -v', async () => {
        const compose = project('app');
        const starts = (times: number) =>
          until(
            `start ${times} is counted`,
            async () => (await at('app', 'db', 'cat /data/starts')) === Array(times).fill('started').join('\n'),
          );
        await compose('up', '-d', 'db');
        await starts(1);
        await compose('restart', '-t', '0', 'db');
        await starts(2);
        await compose('down', '-t', '0');
        await compose('up', '-d', 'db');
        await starts(3);
        await compose('down', '-v', '-t', '0');
        await compose('up', '-d', 'db');
        await starts(1);
      });

      test('scale: three containers answer to one name, then one', async () => {
        const compose = project('app');
        const addresses = async () => {
          const text = await at('app', 'cache', 'nslookup cache');
          return new Set(
            [...text.matchAll(/^Address(?: \d)?: +(1[\d.]+) *(?:\w+-cache.*)?$/gm)].map(([, found]) => found),
          ).size;
        };
        await compose('up', '-d', '--scale', 'cache=3', 'cache');
        expect(await addresses()).toBe(3);
        await compose('up', '-d', '--scale', 'cache=1', 'cache');
        expect(await addresses()).toBe(1);
      });

      test('a container is made anew when that is asked for, and only then', async ({ skip }) => {
        const api = (await the().engine.must(['version', '--format', '{{.Server.APIVersion}}'])).trim();
        const former = words.length === 1 && the().kind === 'docker' && Number(api.split('.')[1]) >= 45;
        skip(former, 'docker-compose 1 reads a field that dockerd has no more since API 1.45');
        const compose = project('site');
        await compose('up', '-d', 'api');
        const id = () => compose('ps', '-q', 'api');
        const first = await id();
        await compose('up', '-d', 'api');
        expect(await id()).toBe(first);
        await compose('up', '-d', '--force-recreate', '-t', '0', 'api');
        expect(await id()).not.toBe(first);
        expect(await at('site', 'api', 'hostname')).toBe('api-host');
      });

      test('two networks: who is in both is reached from both; stopped, started and killed', async () => {
        const compose = project('site');
        await compose('up', '-d');
        const published = /:(\d+)\s*$/.exec(await compose('port', 'proxy', '80'))![1]!;
        expect(await fetchFrom(the(), `http://${HOST}:${published}/`)).toBe('site\n');
        const get = (host: string) => `until wget -q -O - http://${host}/; do sleep 0.1; done`;
        expect(await at('site', 'proxy', get('api'))).toBe('api-host');
        expect(await at('site', 'api', get('gate'))).toBe('site');
        expect(await at('site', 'stranger', get('proxy'))).toBe('site');
        expect(await at('site', 'stranger', 'nslookup api >/dev/null 2>&1 || echo unknown')).toBe('unknown');
        // The network of `api` alone is internal.
        expect(await at('site', 'api', `ping -c 1 -W 1 ${CLIENT} >/dev/null 2>&1 || echo closed`)).toBe('closed');

        await compose('stop', '-t', '0', 'proxy');
        await compose('start', 'proxy');
        expect(await at('site', 'proxy', 'cat /site/index.html')).toBe('site');
        await compose('kill', 'stranger');
        expect(await the().engine.must(['ps', '-q', '--filter', 'label=com.docker.compose.service=stranger'])).toBe('');
        expect(await compose('run', '--rm', '-T', 'api', 'echo', 'ran')).toContain('ran\n');
      });
    });
  });
});

/** Runs the client in the directory of a project; what it prints on standard output. @throws Error with all that it said */
function composeIn(the: () => World, { words, directory }: { words: string[]; directory: string }) {
  const [program, ...first] = words;
  // The builder of the engine itself: buildx is another program, which needs an image of its own.
  const env = { APP_PORT: String(PORT), DOCKER_BUILDKIT: '0', COMPOSE_DOCKER_CLI_BUILD: '0', COMPOSE_ANSI: 'never' };
  return async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await the().as(program!, [...first, ...args], { cwd: directory, env });
    if (code !== 0) throw new Error(`${words.join(' ')} ${args.join(' ')}: exit ${code}\n${stdout}${stderr}`);
    return stdout;
  };
}

/** What a client outside gets, when it is there. */
function fetchFrom(world: World, url: string): Promise<string> {
  return until<string>(`${url} answers`, async () => {
    const got = await world.on('client', 'busybox', ['timeout', '5', 'busybox', 'wget', '-q', '-O', '-', url]);
    return got.code === 0 ? got.stdout : '';
  });
}

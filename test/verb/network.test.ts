// Networks: addresses, names, published ports, isolation, live changes. The same claims against a real dockerd with its own
// bridge and against punnet, each on a host of its own, with a client beside it.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Engine } from '../support/engine.ts';
import { need, PROJECT } from '../support/need.ts';
import { until } from '../support/until.ts';
import { CLIENT, HOST, makeWorld, type World } from '../support/world.ts';
import { busyboxImage } from './images.ts';

const wanted = (process.env.PUNNET_TEST_ENGINES ?? 'docker,user,root').split(',');
const KINDS = [
  { kind: 'docker', wanted: wanted.includes('docker'), missing: need('docker', 'docker-cli', 'gcc') },
  { kind: 'punnet', wanted: wanted.includes('user'), missing: need('root', 'built', 'gcc', 'net.tun') },
] as const;

describe.each(KINDS.filter((each) => each.wanted))('networks of $kind', ({ kind, missing }) => {
  describe.skipIf(missing)(missing ?? 'claims', () => {
    let world: World;
    let engine: Engine;

    beforeAll(async () => {
      world = await makeWorld(kind);
      engine = world.engine;
      execFileSync('gcc', [
        '-static',
        '-O1',
        '-o',
        join(world.home, 'udp-echo'),
        join(PROJECT, 'test/support/udp-echo.c'),
      ]);
      if (kind === 'docker') {
        const tar = join(world.home, 'busybox.tar');
        writeFileSync(tar, gunzipSync(busyboxImage().layers[0]!.bytes));
        await engine.must(['import', tar, 'busybox']);
      }
    }, 120_000);
    afterAll(() => world?.stop(), 120_000);

    const named = (hint: string) => {
      const name = engine.name(hint);
      onTestFinished(() => engine.remove(name));
      return name;
    };
    const network = async (...flags: string[]) => {
      const name = engine.name('n');
      await engine.must(['network', 'create', ...flags, name]);
      // Containers of the test are removed before it, since they were named after it.
      onTestFinished(async () => void (await engine.cli(['network', 'rm', name])));
      return name;
    };
    const start = (name: string, flags: string[], ...command: string[]) =>
      engine.must(['run', '-d', '--name', name, ...flags, 'busybox', ...command]);
    /** Standard output of a short-lived container. */
    const sh = (flags: string[], script: string) =>
      engine.must(['run', '--rm', ...flags, 'busybox', 'sh', '-c', script]);
    const address = (name: string, of: string) =>
      engine.inspect(name, `(index .NetworkSettings.Networks "${of}").IPAddress`);
    /** A web server that logs its clients. */
    const httpd = ['sh', '-c', 'echo page > /tmp/index.html; exec httpd -f -vv -p 80 -h /tmp'];

    describe('the default network', () => {
      test('gives an address, a route and a line in /etc/hosts', async () => {
        const text = await sh(['-h', 'box'], 'ip -4 -o addr show eth0; ip route; grep box /etc/hosts');
        expect(text).toMatch(/inet 172\.1\d\.0\.\d+\/16/);
        expect(text).toMatch(/default via 172\.1\d\.0\.1 dev eth0/);
        expect(text).toMatch(/^172\.1\d\.0\.\d+\s+box$/m);
      });

      test('containers reach each other by address and not by name', async () => {
        const name = named('web');
        await start(name, [], ...httpd);
        const ip = (await address(name, 'bridge')) as string;
        expect(await sh([], `until wget -q -O - http://${ip}/; do sleep 0.1; done`)).toBe('page');
        expect(await sh([], `timeout 3 wget -q -O - http://${name}/ 2>&1 || echo none`)).toMatch(/none$/);
      });
    });

    describe('a user-defined network', () => {
      test('has names: of the container, its aliases and its short id, forward and reverse', async () => {
        const net = await network();
        const name = named('db');
        const id = await start(name, ['--network', net, '--network-alias', 'store'], 'sleep', '600');
        const ip = (await address(name, net)) as string;
        const text = await sh(
          ['--network', net],
          `cat /etc/resolv.conf; for n in ${name} store ${id.slice(0, 12)} ${ip}; do nslookup $n; done`,
        );
        expect(text).toContain('nameserver 127.0.0.11');
        expect(text.split(`Address: ${ip}`)).toHaveLength(4);
        expect(text).toContain(`name = ${name}.${net}`);
      });

      test('names and addresses of one network mean nothing in another', async () => {
        const [one, two] = [await network(), await network()];
        const name = named('web');
        await start(name, ['--network', one], ...httpd);
        const ip = (await address(name, one)) as string;
        const text = await sh(
          ['--network', two],
          `timeout 3 wget -q -O - http://${ip}/ || echo refused; nslookup ${name} >/dev/null 2>&1 || echo unknown`,
        );
        expect(text).toBe('refused\nunknown');
      });

      test('takes a subnet, a gateway and a fixed address; an address that is taken is an error', async () => {
        const net = await network('--subnet', '10.91.0.0/24', '--gateway', '10.91.0.9');
        const name = named('fixed');
        await start(name, ['--network', net, '--ip', '10.91.0.77'], 'sleep', '600');
        expect(await address(name, net)).toBe('10.91.0.77');
        expect(await sh(['--network', net], 'ip route')).toContain('default via 10.91.0.9');
        const second = await engine.cli(['run', '--rm', '--network', net, '--ip', '10.91.0.77', 'busybox', 'true']);
        expect([second.code, second.stderr]).toEqual([125, expect.stringContaining('Address already in use')]);
        const outside = await engine.cli(['run', '--rm', '--network', net, '--ip', '10.1.1.1', 'busybox', 'true']);
        expect(outside.code).toBe(125);
      });

      test('reaches the outside, unless it is --internal', async () => {
        const server = world.serve('client', 'busybox', ['httpd', '-f', '-p', '8000', '-h', world.home]);
        onTestFinished(() => server.stop());
        writeFileSync(join(world.home, 'outside'), 'outside\n');
        const [open, closed] = [await network(), await network('--internal')];
        const get = `timeout 3 wget -q -O - http://${CLIENT}:8000/outside`;
        await until(
          'the server listens',
          async () => (await world.on('client', 'sh', ['-c', get.replace('wget', 'busybox wget')])).code === 0,
        );
        expect(await sh(['--network', open], get)).toBe('outside');
        expect(await sh(['--network', closed], `${get} 2>/dev/null || echo closed`)).toBe('closed');
      });

      test('is joined and left while the container runs', async () => {
        const net = await network();
        const name = named('live');
        await start(name, [], 'sleep', '600');
        await engine.must(['network', 'connect', '--alias', 'late', net, name]);
        const ip = (await address(name, net)) as string;
        expect(await sh(['--network', net], 'ping -c 1 -W 2 late')).toContain(`(${ip})`);
        const again = await engine.cli(['network', 'connect', net, name]);
        expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('already exists in network')]);
        await engine.must(['network', 'disconnect', net, name]);
        expect(await sh(['--network', net], 'ping -c 1 -W 1 late >/dev/null 2>&1 || echo gone')).toBe('gone');
      });

      test('is not removed while it is used; pre-defined ones never', async () => {
        const net = await network();
        await start(named('user'), ['--network', net], 'sleep', '600');
        const outcome = await engine.cli(['network', 'rm', net]);
        expect([outcome.code, outcome.stderr]).toEqual([1, expect.stringMatching(/has active endpoints/)]);
        const bridge = await engine.cli(['network', 'rm', 'bridge']);
        expect([bridge.code, bridge.stderr]).toEqual([
          1,
          expect.stringContaining('bridge is a pre-defined network and cannot be removed'),
        ]);
      });

      test('an unknown network is an error that names it, and an unknown driver too', async () => {
        const outcome = await engine.cli(['run', '--rm', '--network', 'nope', 'busybox', 'true']);
        expect([outcome.code, outcome.stderr]).toEqual([125, expect.stringContaining('network nope not found')]);
        const driver = await engine.cli(['network', 'create', '-d', 'nope', 'x']);
        expect([driver.code, driver.stderr]).toEqual([1, expect.stringMatching(/plugin "?nope"? not found/)]);
        const overlay = await engine.cli(['network', 'create', '-d', 'overlay', 'x']);
        expect([overlay.code, overlay.stderr]).toEqual([
          1,
          expect.stringContaining('This node is not a swarm manager'),
        ]);
      });
    });

    test('--network container: shares the devices of another', async () => {
      const name = named('owner');
      await start(name, [], 'sleep', '600');
      const ip = (await address(name, 'bridge')) as string;
      expect(await sh(['--network', `container:${name}`], 'ip -4 -o addr show eth0')).toContain(ip);
    });

    describe('published ports', () => {
      test('are open when run returns, and the container sees the client’s own address', async () => {
        const name = named('pub');
        await start(name, ['-p', '18080:80'], ...httpd);
        const page = await until('the program listens', async () => {
          const got = await world.on('client', 'busybox', ['wget', '-q', '-O', '-', `http://${HOST}:18080/`]);
          return got.code === 0 && got.stdout;
        });
        expect(page).toBe('page\n');
        const { stdout, stderr } = await engine.cli(['logs', name]);
        expect(stdout + stderr).toContain(CLIENT);
        expect(await engine.must(['port', name, '80'])).toContain('0.0.0.0:18080');
      });

      test('of UDP keep the client’s address as well', async () => {
        const name = named('udp');
        await start(name, ['-p', '18081:81/udp', '-v', `${world.home}:/b`], '/b/udp-echo', '81');
        const script = `
          const s = require('dgram').createSocket('udp4');
          s.on('message', (m) => { console.log(String(m)); process.exit(0); });
          setInterval(() => s.send('hello', 18081, '${HOST}'), 100);`;
        const got = await world.on('client', process.execPath, ['-e', script]);
        expect(got.stdout).toBe(`${CLIENT} hello\n`);
      });

      test('a client on the host itself comes from the gateway', async () => {
        const name = named('local');
        await start(name, ['-p', '127.0.0.1:18082:80'], ...httpd);
        await until(
          'the program listens',
          async () =>
            (await world.on('host', 'busybox', ['wget', '-q', '-O', '-', 'http://127.0.0.1:18082/'])).code === 0,
        );
        const { stdout, stderr } = await engine.cli(['logs', name]);
        expect(stdout + stderr).toMatch(/172\.1\d\.0\.1\]?:/);
        const outside = await world.on('client', 'busybox', [
          'timeout',
          '3',
          'busybox',
          'wget',
          '-q',
          '-O',
          '-',
          `http://${HOST}:18082/`,
        ]);
        expect(outside.code).not.toBe(0);
      });

      test('-P takes any free port of the host for every exposed one', async () => {
        const name = named('any');
        await start(name, ['-P', '--expose', '80', '--expose', '81/udp'], 'sleep', '600');
        expect(await engine.must(['port', name])).toMatch(/80\/tcp -> 0\.0\.0\.0:\d+[^]*81\/udp -> 0\.0\.0\.0:\d+/);
      });

      test('one that another container has is an error of start, and free again after its end', async () => {
        const [first, second] = [named('first'), named('second')];
        await start(first, ['-p', '18083:80'], 'sleep', '600');
        const outcome = await engine.cli(['run', '-d', '--name', second, '-p', '18083:80', 'busybox', 'true']);
        expect([outcome.code, outcome.stderr]).toEqual([125, expect.stringContaining('port is already allocated')]);
        await engine.must(['rm', '-f', first]);
        await engine.must(['start', second]);
      });
    });
  });
});

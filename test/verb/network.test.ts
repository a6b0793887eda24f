// Networks: addresses, names, isolation, live changes. The same claims against a real dockerd with its own bridge and against
// punnet, each on a host of its own, with a client beside it.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, describe } from 'vitest';
import { until } from '../support/until.ts';
import { CLIENT, onEveryHost } from '../support/world.ts';
import { HTTPD, inWorld } from './network.context.ts';

onEveryHost('networks', [], (the) => {
  const { named, network, start, sh, address, cli, must } = inWorld(the);

  describe('the default network', () => {
    test('gives an address, a route and a line in /etc/hosts', async () => {
      const text = await sh(['-h', 'box'], 'ip -4 -o addr show eth0; ip route; grep box /etc/hosts');
      expect(text).toMatch(/inet 172\.1\d\.0\.\d+\/16/);
      expect(text).toMatch(/default via 172\.1\d\.0\.1 dev eth0/);
      expect(text).toMatch(/^172\.1\d\.0\.\d+\s+box$/m);
    });

    test('containers reach each other by address and not by name', async () => {
      const name = named('web');
      await start(name, [], ...HTTPD);
      const ip = await address(name, 'bridge');
      expect(await sh([], `until wget -q -O - http://${ip}/; do sleep 0.1; done`)).toBe('page');
      expect(await sh([], `timeout 3 wget -q -O - http://${name}/ 2>&1 || echo none`)).toMatch(/none$/);
    });

    test('--link gives a line in /etc/hosts and variables; what does not run cannot be linked to', async () => {
      const name = named('db');
      await start(name, ['--expose', '5432', '-e', 'SECRET=word', '-h', 'db-host'], 'sleep', '600');
      const ip = await address(name, 'bridge');
      const text = await sh(['--link', `${name}:my-store`], 'cat /etc/hosts; env');
      expect(text).toMatch(new RegExp(`^${ip}\\s+my-store db-host ${name}$`, 'm'));
      expect(text.split('\n')).toEqual(
        expect.arrayContaining([
          `MY_STORE_PORT=tcp://${ip}:5432`,
          `MY_STORE_PORT_5432_TCP_ADDR=${ip}`,
          'MY_STORE_ENV_SECRET=word',
        ]),
      );
      await must(['kill', name]);
      const outcome = await cli(['run', '--rm', '--link', name, 'busybox', 'true']);
      expect([outcome.code, outcome.stderr]).toEqual([
        125,
        expect.stringContaining('Cannot link to a non running container'),
      ]);
    });
  });

  describe('a user-defined network', () => {
    test('has names: of the container, its aliases and its short id, forward and reverse', async () => {
      const net = await network();
      const name = named('db');
      const id = await start(name, ['--network', net, '--network-alias', 'store'], 'sleep', '600');
      const ip = await address(name, net);
      const text = await sh(
        ['--network', net],
        `cat /etc/resolv.conf; for n in ${name} store ${id.slice(0, 12)} ${ip}; do nslookup $n; done`,
      );
      expect(text).toContain('nameserver 127.0.0.11');
      expect(text.split(`Address: ${ip}`)).toHaveLength(4);
      expect(text).toContain(`name = ${name}.${net}`);
    });

    test('asks the host’s servers for the rest: A, AAAA, reverse and search domains; --dns asks others', async () => {
      const net = await network();
      const ask = (type: string, name: string) => `nslookup -type=${type} ${name} 2>&1 | grep -A 9 '^$'`;
      const text = await sh(
        ['--network', net, '--dns-search', 'test'],
        `${ask('a', 'outside.test')}; ${ask('aaaa', 'outside.test')}; ${ask('ptr', '2.0.77.10.in-addr.arpa')}
         ping -c 1 -W 1 outside 2>&1 | head -n 1; cat /etc/resolv.conf`,
      );
      expect(text).toContain(`Address: ${CLIENT}`);
      expect(text).toContain('fd77::2');
      expect(text).toContain('name = outside.test');
      expect(text).toContain(`PING outside (${CLIENT})`);
      expect(text).toMatch(/^search test$/m);
      expect(await sh(['--dns', CLIENT, '--dns-option', 'attempts:1'], 'cat /etc/resolv.conf')).toMatch(
        new RegExp(`^nameserver ${CLIENT}\n(search .*\n)?options attempts:1$`),
      );
    });

    test('answers over TCP as over UDP', async () => {
      const net = await network();
      const name = named('db');
      await start(name, ['--network', net], 'sleep', '600');
      const [a = 0, b = 0, c = 0, d = 0] = (await address(name, net)).split('.').map(Number);
      // RFC 1035: length; id, flags, one question; name, A, IN
      const query = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, name.length, ...Buffer.from(name), 0, 0, 1, 0, 1];
      const octal = [0, query.length, ...query].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
      const script = `printf '${octal}' | timeout 5 nc -w 2 127.0.0.11 53 | xxd -p | tr -d '\n'`;
      const hex = Buffer.from([0, 1, 0, 1]).toString('hex');
      const answer = await sh(['--network', net], script);
      expect(answer).toContain(hex);
      expect(answer).toContain(Buffer.from([0, 4, a, b, c, d]).toString('hex'));
    });

    test('a link is a name that its container alone knows', async () => {
      const net = await network();
      const name = named('db');
      await start(name, ['--network', net], 'sleep', '600');
      const ip = await address(name, net);
      const ask = 'nslookup store 2>&1 || true';
      expect(await sh(['--network', net, '--link', `${name}:store`], ask)).toContain(ip);
      expect(await sh(['--network', net], ask)).not.toContain(ip);
    });

    test('names and addresses of one network mean nothing in another', async () => {
      const [one, two] = [await network(), await network()];
      const name = named('web');
      await start(name, ['--network', one], ...HTTPD);
      const ip = await address(name, one);
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
      const second = await cli(['run', '--rm', '--network', net, '--ip', '10.91.0.77', 'busybox', 'true']);
      expect([second.code, second.stderr]).toEqual([125, expect.stringContaining('Address already in use')]);
      const outside = await cli(['run', '--rm', '--network', net, '--ip', '10.1.1.1', 'busybox', 'true']);
      expect(outside.code).toBe(125);
    });

    test('reaches the outside, unless it is --internal', async () => {
      const server = the().serve('client', 'busybox', ['httpd', '-f', '-p', '8000', '-h', the().home]);
      onTestFinished(() => server.stop());
      writeFileSync(join(the().home, 'outside'), 'outside\n');
      const [open, closed] = [await network(), await network('--internal')];
      const get = `timeout 3 wget -q -O - http://${CLIENT}:8000/outside`;
      await until(
        'the server listens',
        async () => (await the().on('client', 'sh', ['-c', get.replace('wget', 'busybox wget')])).code === 0,
      );
      expect(await sh(['--network', open], get)).toBe('outside');
      expect(await sh(['--network', closed], `${get} 2>/dev/null || echo closed`)).toBe('closed');
    });

    test('is joined and left while the container runs', async () => {
      const net = await network();
      const name = named('live');
      await start(name, [], 'sleep', '600');
      await must(['network', 'connect', '--alias', 'late', net, name]);
      const ip = await address(name, net);
      expect(await sh(['--network', net], 'ping -c 1 -W 2 late')).toContain(`(${ip})`);
      const again = await cli(['network', 'connect', net, name]);
      expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('already exists in network')]);
      await must(['network', 'disconnect', net, name]);
      expect(await sh(['--network', net], 'ping -c 1 -W 1 late >/dev/null 2>&1 || echo gone')).toBe('gone');
    });

    test('that is internal is joined and left by a container that has no other', async () => {
      const [one, two] = [await network('--internal'), await network('--internal')];
      const name = named('inner');
      await start(name, ['--network', one], 'sleep', '600');
      await must(['network', 'connect', two, name]);
      expect(await sh(['--network', two], `ping -c 1 -W 5 ${name} >/dev/null && echo found`)).toBe('found');
      await must(['network', 'disconnect', two, name]);
      await must(['network', 'disconnect', one, name]);
    });

    test('is not removed while it is used; pre-defined ones never', async () => {
      const net = await network();
      await start(named('user'), ['--network', net], 'sleep', '600');
      const outcome = await cli(['network', 'rm', net]);
      expect([outcome.code, outcome.stderr]).toEqual([1, expect.stringMatching(/has active endpoints/)]);
      const bridge = await cli(['network', 'rm', 'bridge']);
      expect([bridge.code, bridge.stderr]).toEqual([
        1,
        expect.stringContaining('bridge is a pre-defined network and cannot be removed'),
      ]);
    });

    test('an unknown network is an error that names it, and an unknown driver too', async () => {
      const outcome = await cli(['run', '--rm', '--network', 'nope', 'busybox', 'true']);
      expect([outcome.code, outcome.stderr]).toEqual([125, expect.stringContaining('network nope not found')]);
      const driver = await cli(['network', 'create', '-d', 'nope', 'x']);
      expect([driver.code, driver.stderr]).toEqual([1, expect.stringMatching(/plugin "?nope"? not found/)]);
      const overlay = await cli(['network', 'create', '-d', 'overlay', 'x']);
      expect([overlay.code, overlay.stderr]).toEqual([1, expect.stringContaining('This node is not a swarm manager')]);
    });
  });

  test('--network container: shares the devices of another', async () => {
    const name = named('owner');
    await start(name, [], 'sleep', '600');
    const ip = await address(name, 'bridge');
    expect(await sh(['--network', `container:${name}`], 'ip -4 -o addr show eth0')).toContain(ip);
  });
});

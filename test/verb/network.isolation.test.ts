// Who must not reach whom, and who must: other networks, the host, the outside, neighbours that lie about their address.
// The same claims against a real dockerd and against punnet, each on a host of its own, with a client beside it.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { differs } from '../differ.ts';
import { until } from '../support/until.ts';
import { CLIENT, HOST, onEveryHost, type World } from '../support/world.ts';
import { HTTPD, inWorld } from './network.context.ts';

/** Prints the page of a web server that must answer in the end. */
const get = (url: string) => `until timeout 5 wget -q -O - http://${url}/ 2>/dev/null; do sleep 0.1; done`;
/** Prints `no` for a web server that must not be reached. */
const fail = (url: string) => `timeout 1 wget -q -O - http://${url}/ 2>/dev/null || echo no`;

onEveryHost('isolation of networks', [], (the) => {
  const { named, network, start, sh, address, cli, must } = inWorld(the);

  test('a container of another network is not reached, by no route that a container can set', async () => {
    const [one, two] = [await network(), await network()];
    const web = named('web');
    await start(web, ['--network', one], ...HTTPD);
    const ip = await address(web, one);
    const subnet = `${ip.split('.').slice(0, 2).join('.')}.0.0/16`;
    const text = await sh(
      ['--network', two, '--cap-add', 'NET_ADMIN'],
      `${fail(ip)}; gateway=$(ip route | sed -n 's/^default via \\([0-9.]*\\).*/\\1/p')
       ip route add ${subnet} via $gateway; ${fail(ip)}
       ip route replace ${subnet} dev eth0; ${fail(ip)}`,
    );
    expect(text).toBe('no\nno\nno');
  });

  test('services of the host’s loopback device are not reached, those of its address are', async () => {
    const home = the().home;
    writeFileSync(join(home, 'index.html'), 'of the host\n');
    const local = the().serve('host', 'busybox', ['httpd', '-f', '-p', '127.0.0.1:9000', '-h', home]);
    const open = the().serve('host', 'busybox', ['httpd', '-f', '-p', '0.0.0.0:9001', '-h', home]);
    onTestFinished(async () => void (await Promise.all([local.stop(), open.stop()])));
    await listens(the(), 'host', 9000);
    await listens(the(), 'host', 9001);
    const text = await sh(
      ['--add-host', 'host.docker.internal:host-gateway'],
      `gateway=$(ip route | sed -n 's/^default via \\([0-9.]*\\).*/\\1/p')
       for host in $gateway 127.0.0.1 10.0.2.2 ${HOST}; do ${fail('$host:9000')}; done
       ${get('host.docker.internal:9001')}`,
    );
    expect(text).toBe('no\nno\nno\nno\nof the host');
  });

  test('enable_icc=false: neighbours do not reach each other, but the outside and published ports', async () => {
    const server = the().serve('client', 'busybox', ['httpd', '-f', '-p', '8001', '-h', the().home]);
    onTestFinished(() => server.stop());
    writeFileSync(join(the().home, 'index.html'), 'outside\n');
    await listens(the(), 'client', 8001);
    const net = await network('-o', 'com.docker.network.bridge.enable_icc=false');
    const web = named('web');
    await start(web, ['--network', net, '-p', '18090:80'], ...HTTPD);
    const ip = await address(web, net);
    expect(await sh(['--network', net], `${fail(ip)}; ${get(`${CLIENT}:8001`)}`)).toBe('no\noutside');
    expect(await fromClient(the(), `http://${HOST}:18090/`)).toBe('page\n');
  });

  test('enable_ip_masquerade=false: nothing outside answers, which sees addresses it has no way to', async () => {
    const server = the().serve('client', 'busybox', ['httpd', '-f', '-p', '8002', '-h', the().home]);
    onTestFinished(() => server.stop());
    await listens(the(), 'client', 8002);
    const net = await network('-o', 'com.docker.network.bridge.enable_ip_masquerade=false');
    expect(await sh(['--network', net], fail(`${CLIENT}:8002`))).toBe('no');
  });

  describe('a neighbour that lies', () => {
    const lie = async (script: string) => {
      const net = await network('--subnet', '10.92.0.0/24');
      const honest = named('honest');
      await start(honest, ['--network', net, '--ip', '10.92.0.10'], 'sleep', '600');
      const flags = ['--network', net, '--ip', '10.92.0.11', '--cap-add', 'NET_ADMIN'];
      return sh(flags, `ping -c 1 -W 5 10.92.0.10 >/dev/null || echo unreachable; ${script}`);
    };
    const heard = 'ping -c 1 -W 2 10.92.0.10 >/dev/null && echo heard || echo ignored';
    const outcome = () => (differs(the().engine, 'no-spoofing') ? 'ignored' : 'heard');

    test('about its IP address is not heard', async () => {
      const script = `ip addr flush dev eth0; ip addr add 10.92.0.99/24 dev eth0; ${heard}`;
      expect(await lie(script)).toBe(outcome());
    });

    test('about its MAC address is not heard', async () => {
      const script = `ip link set eth0 down; ip link set eth0 address 02:00:00:00:00:99; ip link set eth0 up; ${heard}`;
      expect(await lie(script)).toBe(outcome());
    });

    test('about its IP address in ARP alone is not heard', async () => {
      const ask = 'arping -q -c 1 -w 2 -I eth0 -s 10.92.0.99 10.92.0.10';
      expect(await lie(`ip addr add 10.92.0.99/32 dev eth0; ${ask} && echo heard || echo ignored`)).toBe(outcome());
    });
  });

  test('IPv6 connects containers: fixed and automatic addresses, names, gateway', async () => {
    const net = await network('--ipv6', '--subnet', 'fd00:92::/64', '--subnet', '10.93.0.0/24');
    const name = named('six');
    await start(name, ['--network', net, '--ip6', 'fd00:92::77'], ...HTTPD);
    const path = `(index .NetworkSettings.Networks "${net}").GlobalIPv6Address`;
    expect(await the().engine.inspect(name, path)).toBe('fd00:92::77');
    const text = await sh(
      ['--network', net],
      `ip -6 route | grep -c '^default via fd00:92::1 '; ${get('[fd00:92::77]:80')}
       nslookup -type=aaaa ${name} | grep -c 'fd00:92::77'`,
    );
    expect(text).toBe('1\npage\n1');
  });

  test('--mac-address is what neighbours see', async ({ skip }) => {
    const { Server } = JSON.parse(await must(['version', '--format', '{{json .}}'])) as {
      Server: { ApiVersion: string };
    };
    const minor = Number(Server.ApiVersion.split('.')[1]);
    skip(minor < 44, 'the docker client gives a MAC address to daemons of API 1.44 and later alone');
    const net = await network();
    const name = named('mac');
    await start(name, ['--network', net, '--mac-address', '02:00:00:00:00:77'], 'sleep', '600');
    expect(await must(['exec', name, 'cat', '/sys/class/net/eth0/address'])).toBe('02:00:00:00:00:77');
    expect(await sh(['--network', net], `ping -c 1 -W 5 ${name} >/dev/null; arp -n`)).toContain('02:00:00:00:00:77');
  });

  test('the MTU is the network’s', async () => {
    const mtu = 'cat /sys/class/net/eth0/mtu';
    expect(await sh([], mtu)).toBe(differs(the().engine, 'bridge-mtu') ? '65520' : '1500');
    expect(await sh(['--network', await network('-o', 'com.docker.network.driver.mtu=1400')], mtu)).toBe('1400');
  });

  test('a connection that fails leaves nothing behind, and succeeds when the cause is gone', async () => {
    const net = await network();
    const name = named('twice');
    await start(name, ['--cap-add', 'NET_ADMIN'], 'sleep', '600');
    await must(['exec', name, 'ip', 'link', 'add', 'name', 'eth1', 'type', 'bridge']);
    const failed = await cli(['network', 'connect', net, name]);
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringMatching(/eth1|file exists/)]);
    await must(['exec', name, 'ip', 'link', 'del', 'eth1']);
    await must(['network', 'connect', net, name]);
    const links = await must(['exec', name, 'sh', '-c', 'ls /sys/class/net']);
    expect(links.split(/\s+/).filter((link) => link.startsWith('eth'))).toHaveLength(2);
  });
});

/** Waits until a TCP port of one of the hosts is open. */
function listens(world: World, where: 'host' | 'client', port: number): Promise<boolean> {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const wanted = new RegExp(`^ *\\d+: [0-9A-F]+:${hex} [0-9A-F:]+ 0A`, 'm');
  return until(`port ${port} is open`, async () => {
    const { stdout } = await world.on(where, 'cat', ['/proc/net/tcp', '/proc/net/tcp6']);
    return wanted.test(stdout);
  });
}

function fromClient(world: World, url: string): Promise<string> {
  return until<string>(`${url} answers`, async () => {
    const got = await world.on('client', 'busybox', ['timeout', '5', 'busybox', 'wget', '-q', '-O', '-', url]);
    return got.code === 0 ? got.stdout : '';
  });
}

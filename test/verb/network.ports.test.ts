// Published ports: who hears them, whose address the container sees, whose errors. The same claims against a real dockerd and
// against punnet, each on a host of its own, with a client beside it.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, beforeAll } from 'vitest';
import { PROJECT } from '../support/need.ts';
import { until } from '../support/until.ts';
import { CLIENT, HOST, onEveryHost } from '../support/world.ts';
import { HTTPD, inWorld } from './network.context.ts';

onEveryHost('published ports', ['gcc'], (the) => {
  const { named, network, sh, start, cli, must } = inWorld(the);

  const fetchPage = async (port: number) => {
    const url = `http://${HOST}:${port}/`;
    const got = await the().on('client', 'busybox', ['timeout', '5', 'busybox', 'wget', '-q', '-O', '-', url]);
    return got.code === 0 ? got.stdout : '';
  };
  /** Of punnet's own process that carries published ports on this host. */
  const forwarderPid = () => {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return Number(pids.find((pid) => commandLine(pid).includes(`forward\0${the().home}/`)));
  };

  beforeAll(() => {
    const source = join(PROJECT, 'test/support/udp-echo.c');
    execFileSync('gcc', ['-static', '-O1', '-o', join(the().home, 'udp-echo'), source]);
  });

  test('are open when run returns, and the container sees the client’s own address', async () => {
    const name = named('pub');
    await start(name, ['-p', '18080:80'], ...HTTPD);
    const page = await until('the program listens', async () => {
      const got = await the().on('client', 'busybox', ['wget', '-q', '-O', '-', `http://${HOST}:18080/`]);
      return got.code === 0 && got.stdout;
    });
    expect(page).toBe('page\n');
    const { stdout, stderr } = await cli(['logs', name]);
    expect(stdout + stderr).toContain(CLIENT);
    expect(await must(['port', name, '80'])).toContain('0.0.0.0:18080');
  });

  test('of UDP keep the client’s address as well', async () => {
    const name = named('udp');
    await start(name, ['-p', '18081:81/udp', '-v', `${the().home}:/b`], '/b/udp-echo', '81');
    const script = `
      const s = require('dgram').createSocket('udp4');
      s.on('message', (m) => { console.log(String(m)); process.exit(0); });
      setInterval(() => s.send('hello', 18081, '${HOST}'), 100);`;
    const got = await the().on('client', process.execPath, ['-e', script]);
    expect(got.stdout).toBe(`${CLIENT} hello\n`);
  });

  test('a client on the host itself comes from the gateway', async () => {
    const name = named('local');
    await start(name, ['-p', '127.0.0.1:18082:80'], ...HTTPD);
    await until(
      'the program listens',
      async () => (await the().on('host', 'busybox', ['wget', '-q', '-O', '-', 'http://127.0.0.1:18082/'])).code === 0,
    );
    const { stdout, stderr } = await cli(['logs', name]);
    expect(stdout + stderr).toMatch(/172\.1\d\.0\.1\]?:/);
    const outside = await the().on('client', 'busybox', [
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
    expect(await must(['port', name])).toMatch(/80\/tcp -> 0\.0\.0\.0:\d+[^]*81\/udp -> 0\.0\.0\.0:\d+/);
  });

  test('are found at the gateway by containers of this and of other networks', async () => {
    const [net, other] = [await network(), await network()];
    await start(named('inner'), ['--network', net, '-p', '18084:80'], ...HTTPD);
    const gateway = "$(ip route | sed -n 's/^default via \\([0-9.]*\\).*/\\1/p')";
    const get = `until timeout 5 wget -q -O - http://${gateway}:18084/ 2>/dev/null; do sleep 0.1; done`;
    expect(await sh(['--network', net], get)).toBe('page');
    expect(await sh(['--network', other], get)).toBe('page');
  });

  test('outlive the daemon, and the death of the process that carries them', async ({ skip }) => {
    skip(the().kind === 'docker', 'dockerd has a process for each port, and ends them with itself');
    await start(named('lives'), ['-p', '18085:80'], ...HTTPD);
    const page = () => until<string>('the page comes', () => fetchPage(18085));
    expect(await page()).toBe('page\n');
    const lock = join(the().engine.spec.env.PUNNET_ROOT!, 'lock');
    process.kill((JSON.parse(readFileSync(lock, 'utf8')) as { pid: number }).pid, 'SIGKILL');
    expect(await page()).toBe('page\n');
    await must(['version']);
    process.kill(forwarderPid(), 'SIGKILL');
    expect(await page()).toBe('page\n');
  });

  test('one that another container has is an error of start, and free again after its end', async () => {
    const [first, second] = [named('first'), named('second')];
    await start(first, ['-p', '18083:80'], 'sleep', '600');
    const outcome = await cli(['run', '-d', '--name', second, '-p', '18083:80', 'busybox', 'true']);
    expect([outcome.code, outcome.stderr]).toEqual([125, expect.stringContaining('port is already allocated')]);
    await must(['rm', '-f', first]);
    await must(['start', second]);
  });
});

/** Its words, each with a NUL behind it; empty for a process that has ended. */
function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

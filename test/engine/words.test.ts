// The words of the daemon: states, durations, start failures, files of the network, events.
import { describe, expect, test } from 'vitest';
import { parseRfc3339, rfc3339 } from '../../src/engine/clock.ts';
import { hostsFile, resolvFile } from '../../src/engine/container/network-files.ts';
import { newState, type ContainerRecord } from '../../src/engine/container/record.ts';
import { parseSignal } from '../../src/base/signal.ts';
import { explainFailure } from '../../src/engine/container/start-error.ts';
import { humanDuration, statusText } from '../../src/engine/container/status-text.ts';
import { EventBus } from '../../src/engine/events.ts';

test.each([
  [0, 'Less than a second'],
  [1000, '1 second'],
  [46_000, '46 seconds'],
  [60_000, 'About a minute'],
  [180_000, '3 minutes'],
  [3_600_000, 'About an hour'],
  [7_200_000, '2 hours'],
  [2 * 86_400_000, '2 days'],
  [14 * 86_400_000, '2 weeks'],
  [65 * 86_400_000, '2 months'],
  [800 * 86_400_000, '2 years'],
])('%i ms are "%s"', (milliseconds, text) => {
  expect(humanDuration(milliseconds)).toBe(text);
});

test('states in words', () => {
  const now = Date.parse('2026-01-01T00:01:00Z');
  const state = { ...newState(), startedAt: '2026-01-01T00:00:00Z' };
  expect(statusText(newState(), now)).toBe('Created');
  expect(statusText({ ...state, status: 'running' }, now)).toBe('Up About a minute');
  const ended = { ...state, exitCode: 7, finishedAt: '2026-01-01T00:00:30Z' };
  expect(statusText({ ...ended, status: 'exited' }, now)).toBe('Exited (7) 30 seconds ago');
  expect(statusText({ ...ended, status: 'restarting' }, now)).toBe('Restarting (7) 30 seconds ago');
});

test('times keep their nanoseconds', () => {
  for (const text of ['2026-11-23T02:40:00.000000001Z', '2026-11-23T02:40:00.5Z', '2026-11-23T02:40:00Z']) {
    expect(rfc3339(parseRfc3339(text))).toBe(text);
  }
});

test('signals by name, number and distance from the real-time ones', () => {
  expect(['TERM', 'sigterm', '15', 'RTMIN+3', 'RTMAX-1'].map(parseSignal)).toEqual([15, 15, 15, 37, 63]);
  for (const bad of ['0', 'FOO', '', 'RTMIN+99']) expect(() => parseSignal(bad)).toThrow(`invalid signal: ${bad}`);
});

describe('a failed start', () => {
  const exec = (name: string, errno: number, isThere = false) =>
    explainFailure({ op: 'execve', argv: [name], paths: [name] }, errno, { verb: 'start', isThere: () => isThere });

  test.each([
    ['no such program', exec('nosuch', 2), 'exec: "nosuch": executable file not found in $PATH', 127],
    ['no such path', exec('/no/such', 2), 'exec: "/no/such": stat /no/such: no such file or directory', 127],
    ['no such interpreter', exec('/script', 2, true), 'exec /script: no such file or directory', 127],
    ['not executable', exec('/etc', 13), 'exec: "/etc": permission denied', 126],
    ['no program at all', exec('/text', 8), 'exec /text: exec format error', 128],
  ])('%s', (_title, failure, message, exitCode) => {
    expect(failure.message).toContain(message);
    expect(failure.exitCode).toBe(exitCode);
  });

  test('a directory on a file is explained', () => {
    const { message, exitCode } = explainFailure({ op: 'move_mount', target: '/etc/passwd' }, 20, {
      verb: 'start',
      isThere: () => false,
    });
    expect(message).toContain('not a directory: Are you trying to mount a directory onto a file (or vice-versa)?');
    expect(exitCode).toBe(127);
  });
});

describe('files of the network', () => {
  const record = (hostConfig: object) => ({ hostConfig, config: { Hostname: 'c1' } }) as ContainerRecord;

  test('--add-host adds lines, with = too and without the brackets of IPv6', () => {
    const text = hostsFile(record({ ExtraHosts: ['db:10.0.0.1', 'six=[::5]', 'me:host-gateway'] }), {
      addresses: ['172.17.0.2/16'],
      gateway: () => '192.0.2.1',
    });
    expect(text.startsWith('127.0.0.1\tlocalhost\n')).toBe(true);
    expect(text.endsWith('10.0.0.1\tdb\n::5\tsix\n192.0.2.1\tme\n172.17.0.2\tc1\n')).toBe(true);
  });

  test('resolvers on loopback are left out unless the host network is shared', () => {
    const host = '# note\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nsearch a.example\noptions edns0\n';
    expect(resolvFile(record({}), host, false)).toBe('nameserver 10.0.0.2\nsearch a.example\noptions edns0\n');
    expect(resolvFile(record({}), host, true)).toContain('nameserver 127.0.0.53\n');
    expect(resolvFile(record({ Dns: ['1.1.1.1'], DnsSearch: ['.'], DnsOptions: ['ndots:1'] }), host, false)).toBe(
      'nameserver 1.1.1.1\noptions ndots:1\n',
    );
  });
});

test('events: past ones by time, live ones until the client leaves, filtered by type, object and label', async () => {
  const bus = new EventBus();
  const seen: string[] = [];
  bus.publish('container', 'create', { ID: 'a1', Attributes: { name: 'one', image: 'busybox', l: 'x' } });
  bus.publish('image', 'pull', { ID: 'busybox', Attributes: { name: 'busybox' } });
  const client = new AbortController();
  const done = bus.stream({
    since: 1,
    filters: { type: ['container'], container: ['one'], label: ['l=x'] },
    signal: client.signal,
    emit: (event) => seen.push(event.Action),
  });
  bus.publish('container', 'start', { ID: 'a1', Attributes: { name: 'one', l: 'x' } });
  bus.publish('container', 'start', { ID: 'b2', Attributes: { name: 'two', l: 'x' } });
  client.abort();
  await done;
  bus.publish('container', 'die', { ID: 'a1', Attributes: { name: 'one', l: 'x' } });
  expect(seen).toEqual(['create', 'start']);
});

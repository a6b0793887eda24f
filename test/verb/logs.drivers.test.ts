// Log drivers and their options: what is kept, what is shown of it, what is refused.

import { expect, onTestFinished, test } from 'vitest';
import { onEveryEngine } from '../support/every-engine.ts';
import { until } from '../support/until.ts';

onEveryEngine('log drivers', (engine) => {
  const named = (hint: string) => {
    const name = engine.name(hint);
    onTestFinished(() => engine.remove(name));
    return name;
  };
  const ended = async (script: string, flags: string[]) => {
    const name = named('driver');
    await engine.detached(name, flags, ['sh', '-c', script]);
    await engine.must(['wait', name]);
    return name;
  };

  test('--details puts labels, variables and the tag that the options name before each line', async () => {
    const name = await ended('echo line', [
      ...['--label', 'color=deep blue', '--label', 'other=1', '-e', 'WHO=a&b', '-e', 'WHAT=x', '-e', 'PLAIN=0'],
      ...['--log-opt', 'labels=color,absent', '--log-opt', 'env=WHO', '--log-opt', 'env-regex=^WHA'],
      ...['--log-opt', 'tag={{.Name}}'],
    ]);
    const details = `WHAT=x,WHO=a%26b,color=deep+blue,tag=${name}`;
    expect(await engine.must(['logs', '--details', name])).toBe(`${details} line`);
    expect(await engine.must(['logs', '--details', '-t', name])).toMatch(/^\d{4}-\S+Z WHAT=x,WHO=\S+ line$/);
    expect(await engine.must(['logs', name])).toBe('line');
  });

  test('--details of a log without attributes is a space before each line', async () => {
    const name = await ended('echo line', []);
    expect((await engine.cli(['logs', '--details', name])).stdout).toBe(' line\n');
  });

  test('local keeps a log that logs reads as any other, and shows no path of it', async () => {
    const name = await ended('echo out; echo err >&2; seq 1 5', ['--log-driver', 'local', '--log-opt', 'max-size=1m']);
    expect(await engine.cli(['logs', name])).toMatchObject({ stdout: 'out\n1\n2\n3\n4\n5\n', stderr: 'err\n' });
    expect((await engine.must(['logs', '--tail', '3', name])).split('\n').at(-1)).toBe('5');
    expect(await engine.inspect(name, '.HostConfig.LogConfig')).toEqual({
      Type: 'local',
      Config: { 'max-size': '1m' },
    });
    expect(await engine.inspect(name, '.LogPath')).toBe('');
  });

  test('mode=non-blocking with a buffer is taken', async () => {
    const name = await ended('echo line', ['--log-opt', 'mode=non-blocking', '--log-opt', 'max-buffer-size=4m']);
    expect(await engine.must(['logs', name])).toBe('line');
  });

  test.each<[string, string[], RegExp]>([
    [
      'a driver that nobody has',
      ['--log-driver', 'nobody'],
      /error looking up logging plugin nobody: plugin "nobody" not found/,
    ],
    [
      'an option that the driver does not have',
      ['--log-opt', 'odd=1'],
      /unknown log opt 'odd' for json-file log driver/,
    ],
    ['an option of another driver', ['--log-driver', 'local', '--log-opt', 'tag=x'], /unknown log opt/],
    ['a mode that there is not', ['--log-opt', 'mode=slow'], /logger: logging mode not supported: slow/],
    [
      'a buffer without non-blocking',
      ['--log-opt', 'max-buffer-size=1m'],
      /max-buffer-size option is only supported with 'mode=non-blocking'/,
    ],
    [
      'a buffer of no size',
      ['--log-opt', 'mode=non-blocking', '--log-opt', 'max-buffer-size=x'],
      /error parsing option max-buffer-size: invalid size: 'x'/,
    ],
    [
      'less than one file',
      ['--log-opt', 'max-file=0'],
      /failed to initialize logging driver: max-file cannot be less than 1/,
    ],
    ['a size that is none', ['--log-opt', 'max-size=big'], /failed to initialize logging driver: invalid size: 'big'/],
  ])('%s is refused with Docker\u2019s text', async (_, flags, message) => {
    const name = named('refused');
    const outcome = await engine.cli(['run', '--name', name, '--network', 'none', ...flags, 'busybox', 'true']);
    expect(outcome.code).toBe(125);
    expect(outcome.stderr).toMatch(message);
  });

  test('who follows a log that is rotated under it misses no line', async () => {
    const name = named('rotated');
    const flags = ['--log-opt', 'max-size=64k', '--log-opt', 'max-file=50'];
    await engine.must([
      'create',
      '-i',
      '--network',
      'none',
      '--name',
      name,
      ...flags,
      'busybox',
      'sh',
      '-c',
      'read x; seq 1 9000',
    ]);
    const started = engine.cli(['start', '-ai', name], { stdin: 'go\n' });
    await until('it runs', async () => (await engine.inspect(name, '.State.Status')) !== 'created');
    const { stdout } = await engine.cli(['logs', '-f', name]);
    expect(stdout.split('\n')).toEqual([...Array.from({ length: 9000 }, (_, i) => String(i + 1)), '']);
    await started;
  });

  test('of a log of one file, max-size keeps the end', async () => {
    const name = await ended('seq 1 3000', ['--log-opt', 'max-size=10k']);
    const lines = (await engine.must(['logs', name])).split('\n');
    expect(lines.length).toBeLessThan(300);
    expect(lines.at(-1)).toBe('3000');
  });
});

// logs and attach: what a container said, and what it says now.

import { expect, onTestFinished, test } from 'vitest';
import { onEveryEngine } from '../support/every-engine.ts';
import { until } from '../support/until.ts';

onEveryEngine('logs and attach', (engine) => {
  const named = (hint: string) => {
    const name = engine.name(hint);
    onTestFinished(() => engine.remove(name));
    return name;
  };
  const ended = async (script: string, flags: string[] = []) => {
    const name = named('log');
    await engine.detached(name, flags, ['sh', '-c', script]);
    await engine.must(['wait', name]);
    return name;
  };

  test('logs keeps standard output and standard error apart', async () => {
    const name = await ended('echo out; echo err >&2');
    const outcome = await engine.cli(['logs', name]);
    expect(outcome).toEqual({ stdout: 'out\n', stderr: 'err\n', code: 0 });
  });

  test('--tail N gives the last N lines', async () => {
    const name = await ended('seq 1 20');
    expect(await engine.must(['logs', '--tail', '3', name])).toBe('18\n19\n20');
    expect(await engine.must(['logs', '-n', '0', name])).toBe('');
    expect((await engine.must(['logs', '--tail', 'all', name])).split('\n')).toHaveLength(20);
  });

  test('-t puts the time before each line, with nanoseconds, in UTC', async () => {
    const name = await ended('echo a; echo b');
    const lines = (await engine.must(['logs', '-t', name])).split('\n');
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z [ab]$/);
  });

  test('--since and --until choose by time', async () => {
    const name = await ended('echo first; sleep 1.2; echo second');
    const lines = (await engine.must(['logs', '-t', name])).split('\n');
    const between = new Date(Date.parse(lines[1]!.split(' ')[0]!) - 500).toISOString();
    expect(await engine.must(['logs', '--since', between, name])).toBe('second');
    expect(await engine.must(['logs', '--until', between, name])).toBe('first');
    expect(await engine.must(['logs', '--since', '1h', name])).toBe('first\nsecond');
  });

  test('-f follows until the container ends', async () => {
    const name = named('follow');
    await engine.detached(name, [], ['sh', '-c', 'for i in 1 2 3; do echo line$i; sleep 0.2; done']);
    const outcome = await engine.cli(['logs', '-f', name]);
    expect(outcome).toEqual({ stdout: 'line1\nline2\nline3\n', stderr: '', code: 0 });
  });

  test('a line of 100,000 characters comes back whole', async () => {
    const name = await ended('head -c 100000 /dev/zero | tr "\\0" y; echo');
    expect(await engine.must(['logs', name])).toBe('y'.repeat(100_000));
  });

  test('output without a final newline comes back as it was', async () => {
    const name = await ended('printf abc');
    expect((await engine.cli(['logs', name])).stdout).toBe('abc');
  });

  test('characters that JSON must escape come back as they were', async () => {
    const name = await ended(`printf '<a&b> "q" \\\\ \\t \\033[1m ünï\\n'`);
    expect((await engine.cli(['logs', name])).stdout).toBe('<a&b> "q" \\ \t \x1b[1m ünï\n');
  });

  test('logs are kept over a restart', async () => {
    const name = await ended('echo once');
    await engine.must(['start', name]);
    await engine.must(['wait', name]);
    expect(await engine.must(['logs', name])).toBe('once\nonce');
  });

  test('a container that never ran has an empty log', async () => {
    const name = named('never');
    await engine.must(['create', '--name', name, 'busybox', 'true']);
    expect(await engine.must(['logs', name])).toBe('');
  });

  test('logs of an unknown container is an error that names it', async () => {
    const outcome = await engine.cli(['logs', 'no-such-container']);
    expect([outcome.code, outcome.stderr]).toEqual([1, expect.stringMatching(/No such container: no-such-container/)]);
  });

  test('--log-driver none keeps nothing, and logs says so', async () => {
    const name = await ended('echo lost', ['--log-driver', 'none']);
    const outcome = await engine.cli(['logs', name]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/configured logging driver does not support reading/);
  });

  test('--log-opt max-size rotates: old lines go, the last one stays', async () => {
    const name = await ended('seq 1 3000', ['--log-opt', 'max-size=10k', '--log-opt', 'max-file=2']);
    const lines = (await engine.must(['logs', name])).split('\n');
    expect(lines.length).toBeLessThan(3000);
    expect(lines.at(-1)).toBe('3000');
  });

  test('attach shows what comes, and returns the exit code', async () => {
    const name = named('attach');
    // Long after the last output: docker's own client drops what arrives together with the end.
    const script = 'i=0; while [ $i -lt 15 ]; do echo tick; sleep 0.1; i=$((i+1)); done; sleep 0.5; exit 11';
    await engine.detached(name, [], ['sh', '-c', script]);
    const outcome = await engine.cli(['attach', name]);
    expect(outcome).toMatchObject({ stdout: expect.stringMatching(/^(tick\n)+$/), code: 11 });
  });

  test('two attached clients both see the output', async () => {
    const name = named('two');
    await engine.must([
      'create',
      '-i',
      '--network',
      'none',
      '--name',
      name,
      'busybox',
      'sh',
      '-c',
      'read line; echo got-$line',
    ]);
    const first = engine.cli(['start', '-a', name]);
    await until('it runs', async () => (await engine.inspect(name, '.State.Running')) === true);
    const second = await engine.cli(['attach', name], { stdin: 'x\n' });
    expect(second.stdout).toBe('got-x\n');
    expect((await first).stdout).toBe('got-x\n');
  });

  test('attach to a stopped container is an error that says so', async () => {
    const name = await ended('true');
    const outcome = await engine.cli(['attach', name]);
    expect([outcome.code, outcome.stderr]).toEqual([1, expect.stringMatching(/cannot attach to a stopped container/i)]);
  });
});

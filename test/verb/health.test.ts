// Health checks: the daemon runs them, tells what it found, and remembers.

import { describe, expect, onTestFinished, test } from 'vitest';
import { onEveryEngine } from '../support/every-engine.ts';
import { until } from '../support/until.ts';

interface Health {
  Status: string;
  FailingStreak: number;
  Log: { Start: string; End: string; ExitCode: number; Output: string }[];
}

onEveryEngine('health checks', (engine) => {
  const start = async (...flags: string[]) => {
    const name = engine.name('health');
    onTestFinished(() => engine.remove(name));
    await engine.detached(name, flags, ['sleep', '600']);
    return name;
  };
  const health = (name: string) => engine.inspect(name, '.State.Health') as Promise<Health>;
  const becomes = (name: string, status: string) =>
    until(`${name} is ${status}`, async () => (await health(name)).Status === status);
  const psStatus = (name: string) => engine.must(['ps', '-a', '--filter', `name=${name}`, '--format', '{{.Status}}']);

  describe('states', () => {
    test('starting, unhealthy after the retries, healthy again at the first success', async () => {
      const name = await start(
        '--health-cmd',
        'test -f /tmp/ok',
        '--health-interval',
        '200ms',
        '--health-retries',
        '3',
      );
      expect((await health(name)).Status).toMatch(/starting|unhealthy/);
      await becomes(name, 'unhealthy');
      expect((await health(name)).FailingStreak).toBeGreaterThanOrEqual(3);
      expect(await psStatus(name)).toMatch(/^Up .* \(unhealthy\)$/);
      await engine.must(['exec', name, 'touch', '/tmp/ok']);
      await becomes(name, 'healthy');
      expect((await health(name)).FailingStreak).toBe(0);
      expect(await psStatus(name)).toMatch(/^Up .* \(healthy\)$/);
      // Clients ask in whole seconds, so the last event comes a little later.
      await until('both changes were told', async () => {
        const filters = ['--filter', `container=${name}`, '--filter', 'event=health_status'];
        const past = ['--since', '1h', '--until', '0s', '--format', '{{.Action}}'];
        return (
          (await engine.must(['events', ...past, ...filters])) === 'health_status: unhealthy\nhealth_status: healthy'
        );
      });
    });

    test('before the first check it is starting, and ps says so', async () => {
      const name = await start('--health-cmd', 'true', '--health-interval', '1h');
      expect(await health(name)).toEqual({ Status: 'starting', FailingStreak: 0, Log: [] });
      expect(await psStatus(name)).toMatch(/^Up .* \(health: starting\)$/);
    });

    test('in the start period a failure does not count, a success does', async () => {
      const flags = ['--health-interval', '200ms', '--health-retries', '1', '--health-start-period', '1h'];
      const name = await start('--health-cmd', 'test -f /tmp/ok', ...flags);
      await until('a check has failed', async () => (await health(name)).Log.length >= 1);
      expect(await health(name)).toMatchObject({ Status: 'starting', FailingStreak: 0 });
      await engine.must(['exec', name, 'touch', '/tmp/ok']);
      await becomes(name, 'healthy');
      await engine.must(['exec', name, 'rm', '/tmp/ok']);
      await becomes(name, 'unhealthy');
    });

    test('ps --filter health finds it', async () => {
      const name = await start('--health-cmd', 'true', '--health-interval', '200ms');
      await becomes(name, 'healthy');
      const found = (value: string) =>
        engine.must(['ps', '-q', '--filter', `name=${name}`, '--filter', `health=${value}`]);
      expect([(await found('healthy')) !== '', await found('unhealthy')]).toEqual([true, '']);
    });
  });

  test('the log keeps the last five, with exit code and output', async () => {
    const name = await start('--health-cmd', 'echo out; echo err >&2; exit 3', '--health-interval', '100ms');
    await becomes(name, 'unhealthy');
    await until('five are there', async () => (await health(name)).Log.length === 5);
    const { Log } = await health(name);
    expect(Log).toHaveLength(5);
    expect(Log[4]).toMatchObject({ ExitCode: 3, Output: expect.stringContaining('out\n') as string });
    expect(Log.map(({ Start }) => Start)).toEqual(Log.map(({ Start }) => Start).sort());
  });

  test('a check that takes too long has failed', async () => {
    const name = await start(
      '--health-cmd',
      'sleep 60',
      '--health-interval',
      '100ms',
      '--health-timeout',
      '300ms',
      '--health-retries',
      '1',
    );
    await becomes(name, 'unhealthy');
    const last = (await health(name)).Log.at(-1)!;
    expect(last).toMatchObject({
      ExitCode: -1,
      Output: expect.stringMatching(/Health check exceeded timeout \(300ms\)/) as string,
    });
  });

  test('--no-healthcheck and flags that do not go together', async () => {
    const name = await start('--no-healthcheck');
    expect(await engine.inspect(name, '.State.Health')).toBe(null);
    const both = await engine.cli(['run', '--no-healthcheck', '--health-cmd', 'true', 'busybox', 'true']);
    expect([both.code, both.stderr]).toEqual([
      125,
      expect.stringContaining('--no-healthcheck conflicts with --health-* options'),
    ]);
  });

  test('after a restart it begins anew', async () => {
    const name = await start('--health-cmd', 'test -f /tmp/ok', '--health-interval', '200ms', '--health-retries', '1');
    await becomes(name, 'unhealthy');
    await engine.must(['exec', name, 'touch', '/tmp/ok']);
    await engine.must(['restart', '-t', '0', name]);
    await becomes(name, 'healthy');
  });
});

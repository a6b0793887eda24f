// stop, kill, restart, wait, rm: how a container's life ends, and what is said about it.

import { describe, expect, onTestFinished, test } from 'vitest';
import { onEveryEngine } from '../support/every-engine.ts';
import { until } from '../support/until.ts';

onEveryEngine('stop, kill, restart, wait, rm', (engine) => {
  const named = (hint: string) => {
    const name = engine.name(hint);
    onTestFinished(() => engine.remove(name));
    return name;
  };
  /** Starts a shell script that traps signals, and waits until it says that it is ready. */
  const start = async (hint: string, script: string, flags: string[] = []) => {
    const name = named(hint);
    await engine.detached(name, flags, ['sh', '-c', `${script}; echo ready; while :; do sleep 0.05; done`]);
    await until('the script is ready', async () => (await engine.must(['logs', name])).includes('ready'));
    return name;
  };
  const exitCode = (name: string) => engine.inspect(name, '.State.ExitCode');

  describe('stop', () => {
    test('sends SIGTERM, and the program’s own exit code is kept', async () => {
      const name = await start('term', 'trap "exit 4" TERM');
      expect(await engine.must(['stop', name])).toBe(name);
      expect(await exitCode(name)).toBe(4);
    });

    test('kills after the grace time, with 137', async () => {
      const name = await start('grace', 'trap "" TERM');
      await engine.must(['stop', '-t', '1', name]);
      expect(await exitCode(name)).toBe(137);
    });

    test('--stop-timeout of run is the grace time', async () => {
      const name = await start('timeout', 'trap "" TERM', ['--stop-timeout', '1']);
      await engine.must(['stop', name]);
      expect(await exitCode(name)).toBe(137);
      expect(await engine.inspect(name, '.Config.StopTimeout')).toBe(1);
    });

    test('sends the signal that --stop-signal named', async () => {
      const name = await start('signal', 'trap "exit 8" USR2; trap "" TERM', ['--stop-signal', 'SIGUSR2']);
      await engine.must(['stop', name]);
      expect(await exitCode(name)).toBe(8);
      expect(await engine.inspect(name, '.Config.StopSignal')).toBe('SIGUSR2');
    });

    test('of a stopped container is no error', async () => {
      const name = await start('twice', 'trap "exit 0" TERM');
      await engine.must(['stop', name]);
      expect(await engine.must(['stop', name])).toBe(name);
    });

    test('a program without a handler, as PID 1, ignores SIGTERM: 137 after the grace time', async () => {
      const name = named('pid1');
      await engine.detached(name, [], ['sleep', '600']);
      await engine.must(['stop', '-t', '1', name]);
      expect(await exitCode(name)).toBe(137);
    });

    test('with --init the same program ends at once with 143', async () => {
      const name = named('init');
      await engine.detached(name, ['--init'], ['sleep', '600']);
      await engine.must(['stop', '-t', '20', name]);
      expect(await exitCode(name)).toBe(143);
    });

    test('of an unknown container is an error that names it, with exit code 1', async () => {
      const outcome = await engine.cli(['stop', 'no-such-container']);
      expect([outcome.code, outcome.stderr]).toEqual([
        1,
        expect.stringMatching(/No such container: no-such-container/),
      ]);
    });
  });

  describe('kill', () => {
    test('is SIGKILL by default, 137', async () => {
      const name = await start('kill', 'trap "" TERM');
      expect(await engine.must(['kill', name])).toBe(name);
      await engine.must(['wait', name]);
      expect(await exitCode(name)).toBe(137);
    });

    test.each(['USR1', 'SIGUSR1', 'sigusr1', '10'])('-s %s sends that signal', async (signal) => {
      const name = await start('sig', 'trap "exit 3" USR1');
      await engine.must(['kill', '-s', signal, name]);
      expect(await engine.must(['wait', name])).toBe('3');
    });

    test('an unknown signal is an error that names it', async () => {
      const name = await start('bad', 'trap "exit 0" TERM');
      const outcome = await engine.cli(['kill', '-s', 'NOSIG', name]);
      expect([outcome.code, outcome.stderr]).toEqual([1, expect.stringMatching(/[Ii]nvalid signal: NOSIG/)]);
    });

    test('of a container that does not run is an error that says so', async () => {
      const name = named('idle');
      const id = await engine.must(['create', '--network', 'none', '--name', name, 'busybox', 'true']);
      const outcome = await engine.cli(['kill', name]);
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toMatch(
        new RegExp(`[Cc]annot kill container: ${name}: .*[Cc]ontainer ${id} is not running`),
      );
    });
  });

  describe('wait', () => {
    test('prints the exit code of each container, in order', async () => {
      const [first, second] = [named('w1'), named('w2')];
      await engine.detached(first, [], ['sh', '-c', 'sleep 0.3; exit 5']);
      await engine.detached(second, [], ['sh', '-c', 'exit 6']);
      expect(await engine.must(['wait', first, second])).toBe('5\n6');
    });

    test('of an ended container returns at once', async () => {
      const name = named('ended');
      await engine.cli(['run', '--network', 'none', '--name', name, 'busybox', 'sh', '-c', 'exit 2']);
      expect(await engine.must(['wait', name])).toBe('2');
    });
  });

  describe('start and restart', () => {
    test('start runs it again, with the same layer', async () => {
      const name = named('again');
      await engine.must([
        'create',
        '--network',
        'none',
        '--name',
        name,
        'busybox',
        'sh',
        '-c',
        'echo x >> /n; exit $(wc -l < /n)',
      ]);
      expect(await engine.must(['start', name])).toBe(name);
      expect(await engine.must(['wait', name])).toBe('1');
      await engine.must(['start', name]);
      expect(await engine.must(['wait', name])).toBe('2');
    });

    test('start -a gives output and exit code', async () => {
      const name = named('attached');
      await engine.must(['create', '--network', 'none', '--name', name, 'busybox', 'sh', '-c', 'echo hi; exit 12']);
      const outcome = await engine.cli(['start', '-a', name]);
      expect([outcome.stdout, outcome.code]).toEqual(['hi\n', 12]);
    });

    test('start -ai passes input', async () => {
      const name = named('input');
      await engine.must(['create', '-i', '--network', 'none', '--name', name, 'busybox', 'cat']);
      expect((await engine.cli(['start', '-ai', name], { stdin: 'typed\n' })).stdout).toBe('typed\n');
    });

    test('start of a running one is no error', async () => {
      const name = await start('running', 'trap "exit 0" TERM');
      expect(await engine.must(['start', name])).toBe(name);
    });

    test('restart ends it and starts it with a new process', async () => {
      const name = await start('restart', 'trap "exit 0" TERM');
      const before = await engine.inspect(name, '.State.Pid');
      expect(await engine.must(['restart', '-t', '5', name])).toBe(name);
      const after = await engine.inspect(name, '.State.Pid');
      expect(after).not.toBe(before);
      expect(await engine.inspect(name, '.State.Running')).toBe(true);
    });
  });

  describe('rm', () => {
    test('prints what it removed', async () => {
      const name = engine.name('rm');
      await engine.must(['create', '--name', name, 'busybox', 'true']);
      expect(await engine.must(['rm', name])).toBe(name);
      expect((await engine.cli(['inspect', name])).code).toBe(1);
    });

    test('of a running container is refused, and says how', async () => {
      const name = await start('busy', 'trap "exit 0" TERM');
      const outcome = await engine.cli(['rm', name]);
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toMatch(/[Yy]ou cannot remove a running container|container is running/);
      expect(await engine.inspect(name, '.State.Running')).toBe(true);
    });

    test('-f kills and removes', async () => {
      const name = await start('force', 'trap "" TERM');
      const pid = (await engine.inspect(name, '.State.Pid')) as number;
      expect(pid).toBeGreaterThan(0);
      expect(await engine.must(['rm', '-f', name])).toBe(name);
      expect((await engine.cli(['inspect', name])).code).toBe(1);
    });

    test('of an unknown container fails; with -f it does not', async () => {
      const outcome = await engine.cli(['rm', 'no-such-container']);
      expect([outcome.code, outcome.stderr]).toEqual([
        1,
        expect.stringMatching(/No such container: no-such-container/),
      ]);
      expect((await engine.cli(['rm', '-f', 'no-such-container'])).code).toBe(0);
    });

    test('--rm removes after a kill as well', async () => {
      const name = named('auto');
      await engine.must(['run', '-d', '--rm', '--network', 'none', '--name', name, 'busybox', 'sleep', '600']);
      await engine.must(['kill', name]);
      await until('the container is gone', async () => (await engine.cli(['inspect', name])).code === 1);
    });
  });
});

// Terminals, detaching, signals through the client: what a person at a keyboard relies on.

import { expect, onTestFinished, test } from 'vitest';
import { need } from '../support/need.ts';
import { claims } from '../support/claims.ts';
import { engines } from '../support/every-engine.ts';
import { openTerminal } from '../support/terminal.ts';
import { until } from '../support/until.ts';

for (const engine of engines())
  claims(`run: terminals and signals: ${engine.label}`, engine.spec.skip ?? need('script'), () => {
    const open = async (args: string[], size?: { rows: number; columns: number }) => {
      const terminal = await openTerminal(engine, args, size);
      onTestFinished(terminal.close);
      return terminal;
    };
    const named = (hint: string) => {
      const name = engine.name(hint);
      onTestFinished(() => engine.remove(name));
      return name;
    };
    const none = ['--network', 'none'];

    test('-t gives the program a terminal, -i keys; its exit code comes back', async () => {
      const terminal = await open(['run', '--rm', ...none, '-it', 'busybox', 'sh']);
      await terminal.shows('# ');
      terminal.type('test -t 0 && test -t 1 && test -t 2 && echo all-three-are-$((40+2))\n');
      await terminal.shows('all-three-are-42');
      terminal.type('exit 5\n');
      expect(await terminal.ended).toBe(5);
    });

    test('the terminal’s first size reaches the program', async () => {
      const script = 'until [ "$(stty size)" = "31 101" ]; do sleep 0.05; done; echo sized';
      const terminal = await open(['run', '--rm', ...none, '-it', 'busybox', 'sh', '-c', script], {
        rows: 31,
        columns: 101,
      });
      await terminal.shows('sized');
      expect(await terminal.ended).toBe(0);
    });

    test('a change of size reaches it with SIGWINCH', async () => {
      const script = 'trap "echo winch; stty size" WINCH; echo ready; while :; do sleep 0.05; done';
      const terminal = await open(['run', '--rm', ...none, '-it', 'busybox', 'sh', '-c', script]);
      await terminal.shows('ready');
      let attempt = 0;
      await until('the new size arrives', async () => {
        // Another size each time: the kernel tells of changes alone, and the client may not listen yet.
        await terminal.resize(33 + (attempt++ % 2), 111);
        return /3[34] 111/.test(terminal.screen());
      });
      expect(terminal.screen()).toContain('winch');
      terminal.type('\x03');
      expect(await terminal.ended).not.toBe(0);
    });

    test('Ctrl-C is SIGINT for the program', async () => {
      const terminal = await open([
        'run',
        '--rm',
        ...none,
        '-it',
        'busybox',
        'sh',
        '-c',
        'trap "echo got-int; exit 9" INT; echo ready; while :; do sleep 0.05; done',
      ]);
      await terminal.shows('ready');
      terminal.type('\x03');
      await terminal.shows('got-int');
      expect(await terminal.ended).toBe(9);
    });

    test('Ctrl-D ends the input', async () => {
      const terminal = await open(['run', '--rm', ...none, '-it', 'busybox', 'cat']);
      terminal.type('line\n');
      await terminal.shows(/line\r\n.*line\r\n/s);
      terminal.type('\x04');
      expect(await terminal.ended).toBe(0);
    });

    test('ctrl-p ctrl-q detaches, and the container lives', async () => {
      const name = named('detach');
      const terminal = await open(['run', ...none, '-it', '--name', name, 'busybox', 'sh']);
      await terminal.shows('# ');
      terminal.type('\x10\x11');
      expect(await terminal.ended).toBe(0);
      expect(await engine.inspect(name, '.State.Running')).toBe(true);
    });

    test('--detach-keys changes the keys; the old ones pass through', async () => {
      const name = named('keys');
      const terminal = await open([
        'run',
        ...none,
        '-it',
        '--detach-keys',
        'ctrl-x,x',
        '--name',
        name,
        'busybox',
        'sh',
        '-c',
        'stty raw -echo; echo ready; dd bs=1 count=2 2>/dev/null | od -An -tx1; sleep 600',
      ]);
      await terminal.shows('ready');
      terminal.type('\x10\x11');
      await terminal.shows('10 11');
      terminal.type('\x18x');
      expect(await terminal.ended).toBe(0);
      expect(await engine.inspect(name, '.State.Running')).toBe(true);
    });

    test('attach joins again, with the program’s state', async () => {
      const name = named('again');
      await engine.must(['run', '-dit', ...none, '--name', name, 'busybox', 'sh']);
      const first = await open(['attach', name]);
      first.type('x=kept; echo first-$x\n');
      await first.shows('first-kept');
      first.type('\x10\x11');
      expect(await first.ended).not.toBe(255);
      const second = await open(['attach', name]);
      second.type('echo second-$x\n');
      await second.shows('second-kept');
      second.type('exit 3\n');
      expect(await second.ended).toBe(3);
    });

    test('-t without a terminal on -i is refused', async () => {
      const outcome = await engine.cli(['run', '--rm', ...none, '-it', 'busybox', 'true'], { stdin: '' });
      expect(outcome.code).not.toBe(0);
      expect(outcome.stderr).toMatch(/the input device is not a TTY/);
    });

    test('with -t the output is one stream with CR LF', async () => {
      const outcome = await engine.run(['-t'], ['sh', '-c', 'echo out; echo err >&2']);
      expect([outcome.stdout, outcome.stderr]).toEqual(['out\r\nerr\r\n', '']);
    });

    test.each(['HUP', 'USR1', 'TERM', 'INT', 'QUIT', 'USR2'])(
      'SIG%s to the client reaches the program',
      async (signal) => {
        const script = `trap "echo got-${signal}; exit 7" ${signal}; echo ready; while :; do sleep 0.05; done`;
        const outcome = await signalled(['run', '--rm', ...none, 'busybox', 'sh', '-c', script], signal);
        expect(outcome).toEqual({ code: 7, stdout: `ready\ngot-${signal}\n` });
      },
    );

    test('--sig-proxy=false keeps signals from the program', async () => {
      const name = named('noproxy');
      const script = 'trap "exit 7" TERM; trap "exit 8" USR1; echo ready; while :; do sleep 0.05; done';
      const args = ['run', ...none, '--sig-proxy=false', '--name', name, 'busybox', 'sh', '-c', script];
      await signalled(args, 'TERM', async () => {
        await engine.must(['kill', '-s', 'USR1', name]);
        expect(await engine.must(['wait', name])).toBe('8');
      });
    });

    /** Runs the client, waits for `ready` in its output, signals it, waits for its end. */
    async function signalled(
      args: string[],
      signal: string,
      then?: () => Promise<void>,
    ): Promise<{ code: number; stdout: string }> {
      const { spawn } = await import('node:child_process');
      const { spec } = engine;
      const child = spawn(spec.program, [...spec.prefix, ...args], {
        cwd: spec.home,
        env: spec.env,
        stdio: ['ignore', 'pipe', 'inherit'],
        ...(spec.uid !== undefined && { uid: spec.uid, gid: spec.gid }),
      });
      let stdout = '';
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
      const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 255)));
      onTestFinished(() => void child.kill('SIGKILL'));
      await until('the program is ready', () => stdout.includes('ready'));
      child.kill(`SIG${signal}` as NodeJS.Signals);
      await then?.();
      if (then) child.kill('SIGKILL');
      return { code: await ended, stdout };
    }
  });

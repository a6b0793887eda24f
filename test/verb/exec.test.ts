// exec: a further process in a running container, with its rights, its exit code and its traces.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { claims } from '../support/claims.ts';
import { engines, onEveryEngine } from '../support/every-engine.ts';
import { need } from '../support/need.ts';
import { openTerminal } from '../support/terminal.ts';
import { until } from '../support/until.ts';

onEveryEngine('exec', (engine) => {
  const box = engine.name('exec');
  beforeAll(() => engine.detached(box, ['-e', 'OWN=1', '-w', '/tmp'], ['sleep', '600']));
  afterAll(() => engine.remove(box));
  const exec = (...args: string[]) => engine.cli(['exec', ...args]);
  const sh = async (script: string, ...flags: string[]) => {
    const { code, stdout, stderr } = await exec(...flags, box, 'sh', '-c', script);
    return [code, stdout.trimEnd(), stderr.trimEnd()];
  };

  describe('the process', () => {
    test('writes both streams and gives back its exit code', async () => {
      expect(await sh('echo out; echo err >&2; exit 7')).toEqual([7, 'out', 'err']);
    });

    test('is inside: the container’s processes, host name, network and directory', async () => {
      const [code, out] = await sh('cat /proc/1/comm; hostname; ls /sys/class/net; pwd');
      const id = (await engine.inspect(box, '.Id')) as string;
      expect([code, out]).toEqual([0, `sleep\n${id.slice(0, 12)}\nlo\n/tmp`]);
    });

    test('has the container’s environment, and what -e and --env-file add to it', async () => {
      const file = join(engine.spec.home, 'exec.env');
      writeFileSync(file, '# comment\nFROM_FILE=f\nHOME=/elsewhere\n');
      const script = 'echo $OWN $ADDED $FROM_FILE $HOME $TERM';
      expect(await sh(script)).toEqual([0, '1 /root', '']);
      expect(await sh(script, '-e', 'ADDED=2', '-e', 'OWN=3', '--env-file', file)).toEqual([0, '3 2 f /elsewhere', '']);
    });

    test('-w is its directory, -u its user with the user’s groups and home', async () => {
      expect(await sh('pwd', '-w', '/etc')).toEqual([0, '/etc', '']);
      expect(await sh('id -u; id -g; id -G; echo $HOME', '-u', 'nobody')).toEqual([
        0,
        '65534\n65534\n65534\n/home',
        '',
      ]);
      expect(await sh('id -u; id -g', '-u', '7:8')).toEqual([0, '7\n8', '']);
    });

    test('a user who is added in the running container is found', async () => {
      await sh('echo late:x:4242:4243::/late:/bin/sh >>/etc/passwd');
      expect(await sh('id -u; id -g; echo $HOME', '-u', 'late')).toEqual([0, '4242\n4243\n/late', '']);
    });

    test('has the container’s capabilities and filter; with --privileged all capabilities', async () => {
      const fields = 'sed -n "s/^\\(CapEff\\|CapBnd\\|Seccomp\\):\\s*//p" /proc/self/status';
      const own = await engine.sh(fields);
      expect(await sh(fields)).toEqual([0, own, '']);
      const [, all] = await sh('grep CapEff /proc/self/status', '--privileged');
      expect(all).not.toBe(own);
      expect(await sh(fields, '-u', '1')).toEqual([0, `0000000000000000\n${own.split('\n').slice(1).join('\n')}`, '']);
    });

    test('has no descriptor but its streams', async () => {
      expect(await sh('ls /proc/self/fd')).toEqual([0, '0\n1\n2\n3', '']);
    });

    test('reads standard input with -i, and nothing without', async () => {
      const cat = (...flags: string[]) => engine.cli(['exec', ...flags, box, 'cat'], { stdin: 'hello' });
      expect((await cat('-i')).stdout).toBe('hello');
      expect((await cat()).stdout).toBe('');
    });

    test('a megabyte through it comes back whole', async () => {
      const input = 'x'.repeat(1 << 20);
      const { stdout } = await engine.cli(['exec', '-i', box, 'cat'], { stdin: input });
      expect(stdout === input).toBe(true);
    });

    test('killed by a signal is 128 and the signal', async () => {
      expect((await sh('kill -9 $$'))[0]).toBe(137);
    });

    test('-d returns at once, and it goes on', async () => {
      const { code, stdout } = await exec('-d', box, 'sh', '-c', 'sleep 0.3; echo done >/tmp/detached');
      expect([code, stdout]).toEqual([0, '']);
      await until('the detached process is done', async () => (await sh('cat /tmp/detached'))[1] === 'done');
    });
  });

  describe('what cannot run', () => {
    // Docker before 28 said 126 whatever the reason.
    const codes = (code: number) => (engine.spec.kind === 'docker' ? [code, 126] : [code]);

    test.each([
      ['no such program', ['nosuch'], 127, /exec: "nosuch": executable file not found in \$PATH/],
      ['no such path', ['/no/such'], 127, /stat \/no\/such: no such file or directory/],
      ['a directory', ['/etc'], 126, /(permission denied|is a directory)/],
      ['a file that is no program', ['/etc/passwd'], 126, /permission denied/],
    ])('%s', async (_title, command, code, text) => {
      const outcome = await exec(box, ...command);
      expect(outcome.stdout + outcome.stderr).toMatch(/OCI runtime exec failed: exec failed: /);
      expect(outcome.stdout + outcome.stderr).toMatch(text);
      expect(codes(code)).toContain(outcome.code);
    });

    test('an unknown user, a missing directory', async () => {
      const user = await exec('-u', 'nosuch', box, 'true');
      expect([user.code, user.stdout + user.stderr]).toEqual([
        126,
        expect.stringContaining('unable to find user nosuch: no matching entries in passwd file'),
      ]);
      const directory = await exec('-w', '/no/such', box, 'true');
      expect(directory.stdout + directory.stderr).toMatch(/chdir to cwd \("\/no\/such"\).*no such file or directory/);
      expect(codes(127)).toContain(directory.code);
    });

    test('detached, it is an error of the command', async () => {
      const { code, stderr } = await exec('-d', box, 'nosuch');
      expect([code, stderr]).toEqual([expect.any(Number), expect.stringMatching(/executable file not found/)]);
      expect(code).not.toBe(0);
    });

    test('an unknown or stopped container is named, with exit code 1', async () => {
      const unknown = await exec('no-such-container', 'true');
      expect([unknown.code, unknown.stderr]).toEqual([
        1,
        expect.stringMatching(/No such container: no-such-container/),
      ]);
      const name = engine.name('idle');
      onTestFinished(() => engine.remove(name));
      const id = await engine.must(['create', '--network', 'none', '--name', name, 'busybox', 'true']);
      const stopped = await exec(name, 'true');
      expect([stopped.code, stopped.stderr]).toEqual([
        1,
        expect.stringMatching(new RegExp(`[Cc]ontainer ${id} is not running`)),
      ]);
    });

    test('too few arguments, and env files that are not there', async () => {
      const few = await exec(box);
      expect([few.code, few.stderr]).toEqual([1, expect.stringMatching(/requires at least 2 arguments/)]);
      const file = await exec('--env-file', '/no/such', box, 'true');
      expect([file.code, file.stderr]).toEqual([
        1,
        expect.stringMatching(/open \/no\/such: no such file or directory/),
      ]);
    });
  });

  test('stopping the container ends what runs in it, with 137', async () => {
    const name = engine.name('ends');
    onTestFinished(() => engine.remove(name));
    await engine.detached(name, [], ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.05; done']);
    const running = engine.cli(['exec', name, 'sleep', '600']);
    await until('the exec runs', async () => (await engine.must(['exec', name, 'ps'])).includes('sleep 600'));
    expect(await engine.inspect(name, '.ExecIDs')).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    await engine.must(['stop', name]);
    expect((await running).code).toBe(137);
  });

  test('inspect lists execs that have not ended, null when there are none', async () => {
    await until('earlier execs have ended', async () => (await engine.inspect(box, '.ExecIDs')) === null);
  });
});

for (const engine of engines())
  claims(`exec with a terminal: ${engine.label}`, engine.spec.skip ?? need('script'), () => {
    const box = engine.name('exec-tty');
    beforeAll(() => engine.detached(box, [], ['sleep', '600']));
    afterAll(() => engine.remove(box));
    const open = async (args: string[], size?: { rows: number; columns: number }) => {
      const terminal = await openTerminal(engine, ['exec', ...args], size);
      onTestFinished(terminal.close);
      return terminal;
    };

    test('-it is a shell with a terminal of its own, TERM set; its exit code comes back', async () => {
      const terminal = await open(['-it', box, 'sh']);
      await terminal.shows('# ');
      terminal.type('test -t 0 && test -t 1 && test -t 2 && echo $TERM-$((40+2))\n');
      await terminal.shows('xterm-42');
      terminal.type('exit 5\n');
      expect(await terminal.ended).toBe(5);
    });

    test('its first size and its changes reach the program', async () => {
      const script =
        'until [ "$(stty size)" = "31 101" ]; do sleep 0.05; done; echo sized; while [ "$(stty size)" = "31 101" ]; do sleep 0.05; done; echo again; sleep 600';
      const terminal = await open(['-it', box, 'sh', '-c', script], { rows: 31, columns: 101 });
      await terminal.shows('sized');
      let attempt = 0;
      await until('the new size arrives', async () => {
        // Another size each time: the kernel tells of changes alone, and the client may not listen yet.
        await terminal.resize(33 + (attempt++ % 2), 111);
        return terminal.screen().includes('again');
      });
      terminal.type('\x03');
      expect(await terminal.ended).toBe(130);
    });

    test('the detach keys leave it running', async () => {
      const terminal = await open(['-it', '--detach-keys', 'ctrl-x,x', box, 'sh', '-c', 'echo ready; sleep 77']);
      await terminal.shows('ready');
      terminal.type('\x18x');
      await terminal.ended;
      expect(await engine.must(['exec', box, 'ps'])).toContain('sleep 77');
    });
  });

// ps, inspect, create, rename: what the engine knows of its containers, in Docker's words and columns.

import { describe, expect, onTestFinished, test } from 'vitest';
import { onEveryEngine } from '../support/every-engine.ts';

onEveryEngine('ps, inspect, create, rename', (engine) => {
  const named = (hint: string) => {
    const name = engine.name(hint);
    onTestFinished(() => engine.remove(name));
    return name;
  };
  const ps = async (...args: string[]) => {
    const text = await engine.must(['ps', ...args]);
    return text === '' ? [] : text.split('\n');
  };

  describe('ps', () => {
    test('has Docker’s columns', async () => {
      const [header] = await ps();
      expect(header!.trim().split(/ {2,}/)).toEqual([
        'CONTAINER ID',
        'IMAGE',
        'COMMAND',
        'CREATED',
        'STATUS',
        'PORTS',
        'NAMES',
      ]);
    });

    test('lists a running container with Docker’s values', async () => {
      const name = named('ps');
      const id = await engine.detached(name, [], ['sleep', '600']);
      const [line] = await ps(
        '--filter',
        `name=${name}`,
        '--format',
        '{{.ID}}|{{.Image}}|{{.Command}}|{{.Status}}|{{.Ports}}|{{.Names}}|{{.State}}',
      );
      expect(line).toMatch(
        new RegExp(
          `^${id.slice(0, 12)}\\|busybox\\|"sleep 600"\\|Up (Less than a second|\\d+ seconds?|About a minute)\\|\\|${name}\\|running$`,
        ),
      );
    });

    test('shows ended and created ones with -a alone', async () => {
      const [done, idle] = [named('done'), named('idle')];
      await engine.cli(['run', '--network', 'none', '--name', done, 'busybox', 'sh', '-c', 'exit 3']);
      await engine.must(['create', '--name', idle, 'busybox', 'true']);
      expect(await ps('-q', '--filter', `name=${done}`)).toEqual([]);
      const format = '{{.Names}} {{.Status}} {{.State}}';
      expect((await ps('-a', '--filter', `name=${done}`, '--format', format))[0]).toMatch(
        new RegExp(`^${done} Exited \\(3\\) (Less than a second|\\d+ seconds?) ago exited$`),
      );
      expect(await ps('-a', '--filter', `name=${idle}`, '--format', format)).toEqual([`${idle} Created created`]);
    });

    test('-q gives short ids, --no-trunc whole ones', async () => {
      const name = named('ids');
      const id = await engine.must(['create', '--name', name, 'busybox', 'true']);
      expect(await ps('-aq', '--filter', `name=${name}`)).toEqual([id.slice(0, 12)]);
      expect(await ps('-aq', '--no-trunc', '--filter', `name=${name}`)).toEqual([id]);
    });

    test('newest first, -n and -l choose the last created', async () => {
      const names = [named('one'), named('two')];
      for (const name of names)
        await engine.must(['create', '--name', name, '--label', `pair=${names[0]}`, 'busybox', 'true']);
      expect(await ps('-a', '--filter', `label=pair=${names[0]}`, '--format', '{{.Names}}')).toEqual([
        names[1],
        names[0],
      ]);
      expect(await ps('-n', '1', '--format', '{{.Names}}')).toHaveLength(1);
    });

    test.each([
      ['label', (name: string) => `label=key=${name}`],
      ['name', (name: string) => `name=${name}`],
      ['status', () => 'status=created'],
      ['ancestor', () => 'ancestor=busybox'],
    ])('--filter %s finds it and hides others', async (_key, filter) => {
      const [name, other] = [named('f'), named('o')];
      const id = await engine.must(['create', '--name', name, '--label', `key=${name}`, 'busybox', 'true']);
      await engine.must(['create', '--name', other, 'alpine', 'true']);
      const found = await ps('-aq', '--no-trunc', '--filter', filter(name));
      expect(found).toContain(id);
      if (_key !== 'status') {
        const otherId = await engine.inspect(other, '.Id');
        expect(found).not.toContain(otherId);
      }
    });

    test('--filter exited=N finds by exit code', async () => {
      const name = named('exited');
      await engine.cli(['run', '--network', 'none', '--name', name, 'busybox', 'sh', '-c', 'exit 77']);
      expect(await ps('-a', '--filter', 'exited=77', '--filter', `name=${name}`, '--format', '{{.Names}}')).toEqual([
        name,
      ]);
    });

    test('an unknown filter is an error that names it', async () => {
      const outcome = await engine.cli(['ps', '--filter', 'nonsense=1']);
      expect([outcome.code, outcome.stderr]).toEqual([1, expect.stringMatching(/[Ii]nvalid filter '?nonsense/)]);
    });

    test('--format json gives a JSON object a line', async () => {
      const name = named('json');
      await engine.must(['create', '--name', name, '--label', 'a=b', 'busybox', 'true']);
      const line = (await ps('-a', '--filter', `name=${name}`, '--format', '{{json .}}'))[0]!;
      expect(JSON.parse(line)).toMatchObject({ Names: name, Image: 'busybox', State: 'created', Labels: 'a=b' });
    });

    test('--format table prints the header of the chosen columns', async () => {
      const name = named('table');
      await engine.must(['create', '--name', name, 'busybox', 'true']);
      const lines = await ps('-a', '--filter', `name=${name}`, '--format', 'table {{.Names}}\t{{.Image}}');
      expect(lines.map((line) => line.trim().split(/ {2,}/))).toEqual([
        ['NAMES', 'IMAGE'],
        [name, 'busybox'],
      ]);
    });
  });

  describe('inspect', () => {
    test('has every top-level field that clients read', async () => {
      const name = named('inspect');
      await engine.must(['create', '--name', name, 'busybox', 'sleep', '5']);
      const object = (await engine.inspect(name, '.')) as Record<string, unknown>;
      expect(Object.keys(object)).toEqual(
        expect.arrayContaining([
          ...[
            'Id',
            'Created',
            'Path',
            'Args',
            'State',
            'Image',
            'ResolvConfPath',
            'HostnamePath',
            'HostsPath',
            'LogPath',
            'Name',
          ],
          ...[
            'RestartCount',
            'Driver',
            'Platform',
            'MountLabel',
            'ProcessLabel',
            'AppArmorProfile',
            'ExecIDs',
            'HostConfig',
          ],
          ...['GraphDriver', 'Mounts', 'Config', 'NetworkSettings'],
        ]),
      );
      expect(object).toMatchObject({
        Path: 'sleep',
        Args: ['5'],
        Name: `/${name}`,
        RestartCount: 0,
        Platform: 'linux',
      });
    });

    test('State of a running container has its pid on the host and its start', async () => {
      const name = named('state');
      await engine.detached(name, [], ['sleep', '600']);
      const state = (await engine.inspect(name, '.State')) as { Pid: number; StartedAt: string };
      expect(state).toMatchObject({
        Status: 'running',
        Running: true,
        Paused: false,
        Restarting: false,
        Dead: false,
        ExitCode: 0,
        Error: '',
      });
      expect(state.Pid).toBeGreaterThan(1);
      expect(Date.parse(state.StartedAt)).toBeGreaterThan(Date.parse('2020-01-01'));
      const { readFileSync } = await import('node:fs');
      expect(readFileSync(`/proc/${state.Pid}/cmdline`, 'utf8')).toBe(['sleep', '600', ''].join('\0'));
    });

    test('HostConfig repeats what was asked', async () => {
      const name = named('hostconfig');
      const limits = (await engine.withoutLimits()) ? [] : ['--memory', '64m', '--cpus', '1'];
      const flags = [...limits, '--cap-add', 'NET_ADMIN', '--read-only', '--init'];
      await engine.must(['create', '--name', name, '--network', 'none', ...flags, 'busybox', 'true']);
      expect(await engine.inspect(name, '.HostConfig')).toMatchObject({
        ReadonlyRootfs: true,
        CapAdd: [expect.stringMatching(/^(CAP_)?NET_ADMIN$/)],
        Init: true,
        NetworkMode: 'none',
        Memory: limits.length > 0 ? 64 << 20 : 0,
        NanoCpus: limits.length > 0 ? 1e9 : 0,
      });
    });

    test('several objects come in order; an unknown one is an error and the others are printed', async () => {
      const name = named('several');
      await engine.must(['create', '--name', name, 'busybox', 'true']);
      const outcome = await engine.cli(['inspect', '--format', '{{.Name}}', name, 'no-such-thing']);
      expect(outcome.code).toBe(1);
      expect(outcome.stdout.trim()).toBe(`/${name}`);
      expect(outcome.stderr).toMatch(/[Nn]o such object: no-such-thing/);
    });

    test('a short id is enough, an ambiguous one is an error', async () => {
      const name = named('short');
      const id = await engine.must(['create', '--name', name, 'busybox', 'true']);
      expect(await engine.inspect(id.slice(0, 10), '.Name')).toBe(`/${name}`);
    });
  });

  describe('rename', () => {
    test('changes the name and keeps the id', async () => {
      const [before, after] = [named('before'), named('after')];
      const id = await engine.must(['create', '--name', before, 'busybox', 'true']);
      await engine.must(['rename', before, after]);
      expect(await engine.inspect(after, '.Id')).toBe(id);
      expect((await engine.cli(['inspect', before])).code).toBe(1);
    });

    test('to a taken name is refused', async () => {
      const [first, second] = [named('first'), named('second')];
      for (const name of [first, second]) await engine.must(['create', '--name', name, 'busybox', 'true']);
      const outcome = await engine.cli(['rename', first, second]);
      expect([outcome.code, outcome.stderr]).toEqual([1, expect.stringMatching(/already in use by container/)]);
    });
  });

  describe('version and info', () => {
    test('version names client and server', async () => {
      const outcome = await engine.cli([
        'version',
        '--format',
        '{{.Client.APIVersion}} {{.Server.Os}} {{.Server.Arch}}',
      ]);
      expect(outcome.stdout).toMatch(/^1\.\d+ linux (amd64|arm64)\n$/);
    });

    test('info counts containers', async () => {
      const name = named('counted');
      await engine.must(['create', '--name', name, 'busybox', 'true']);
      const info = JSON.parse(await engine.must(['info', '--format', '{{json .}}'])) as Record<string, number>;
      expect(info.Containers).toBeGreaterThan(0);
      expect(info.Images).toBeGreaterThan(0);
      expect(info.NCPU).toBeGreaterThan(0);
      expect(info.MemTotal).toBeGreaterThan(1e8);
    });
  });
});

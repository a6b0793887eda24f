// pause, unpause, top, stats, update, events, container prune: looking at containers that run, and changing them.

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { onEveryEngine } from '../support/every-engine.ts';
import { until } from '../support/until.ts';

onEveryEngine('pause, top, stats, update, events, prune', (engine) => {
  const named = (hint: string) => {
    const name = engine.name(hint);
    onTestFinished(() => engine.remove(name));
    return name;
  };
  const box = engine.name('control');
  let id = '';
  beforeAll(async () => {
    id = await engine.detached(box, [], ['sh', '-c', 'sleep 601 & while :; do date +%N >/tmp/now; sleep 0.05; done']);
  });
  afterAll(() => engine.remove(box));

  describe('pause', () => {
    test('stops every process, unpause lets them go on; without a freezer it is an error that says so', async () => {
      const paused = await engine.cli(['pause', box]);
      if (engine.spec.kind === 'punnet' && paused.code !== 0) {
        expect([paused.code, paused.stderr]).toEqual([
          1,
          expect.stringMatching(/no cgroup for containers.*punnet doctor/s),
        ]);
        expect(await engine.inspect(box, '.State.Status')).toBe('running');
        return;
      }
      expect(paused.stdout).toBe(`${box}\n`);
      expect(await engine.inspect(box, '.State')).toMatchObject({ Status: 'paused', Paused: true, Running: true });
      expect(await engine.must(['ps', '--filter', `name=${box}`, '--format', '{{.Status}}'])).toMatch(
        /^Up .*\(Paused\)$/,
      );
      const again = await engine.cli(['pause', box]);
      expect([again.code, again.stderr]).toEqual([1, expect.stringMatching(new RegExp(`${id} is already paused`))]);
      const exec = await engine.cli(['exec', box, 'true']);
      expect([exec.code, exec.stderr]).toEqual([
        1,
        expect.stringMatching(/is paused, unpause the container before exec/),
      ]);
      expect(await engine.must(['unpause', box])).toBe(box);
      expect(await engine.inspect(box, '.State.Status')).toBe('running');
      expect(await engine.must(['exec', box, 'echo', 'on'])).toBe('on');
    });

    test('unpause of a container that is not paused, pause of one that does not run', async () => {
      const running = await engine.cli(['unpause', box]);
      expect([running.code, running.stderr]).toEqual([1, expect.stringMatching(new RegExp(`${id} is not paused`))]);
      const name = named('idle');
      await engine.must(['create', '--network', 'none', '--name', name, 'busybox', 'true']);
      const idle = await engine.cli(['pause', name]);
      expect([idle.code, idle.stderr]).toEqual([1, expect.stringMatching(/is not running/)]);
    });
  });

  describe('top', () => {
    test('shows the container’s processes with the columns of ps -ef', async () => {
      const [titles, ...lines] = (await engine.must(['top', box])).split('\n');
      expect(titles!.split(/\s+/)).toEqual(['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD']);
      expect(lines.some((line) => line.endsWith('sleep 601'))).toBe(true);
      expect(lines.every((line) => /sleep|sh -c|date/.test(line))).toBe(true);
    });

    test('takes the options of ps', async () => {
      const [titles, ...lines] = (await engine.must(['top', box, '-o', 'pid,args'])).split('\n');
      expect(titles!.trim().split(/\s+/)).toEqual(['PID', 'COMMAND']);
      expect(lines.some((line) => /^\d+\s+sleep 601$/.test(line.trim()))).toBe(true);
    });

    test('options that hide the pid, and a container that does not run, are errors', async () => {
      const hidden = await engine.cli(['top', box, '-o', 'args']);
      expect([hidden.code, hidden.stderr]).toEqual([1, expect.stringMatching(/Couldn't find PID field in ps output/)]);
      const name = named('idle');
      await engine.must(['create', '--network', 'none', '--name', name, 'busybox', 'true']);
      const idle = await engine.cli(['top', name]);
      expect([idle.code, idle.stderr]).toEqual([1, expect.stringMatching(/is not running/)]);
    });
  });

  describe('stats', () => {
    test('--no-stream is one table with Docker’s columns', async () => {
      const [titles, line] = (await engine.must(['stats', '--no-stream', box])).split('\n');
      expect(titles!.split(/ {2,}/)).toEqual([
        ...['CONTAINER ID', 'NAME', 'CPU %', 'MEM USAGE / LIMIT', 'MEM %', 'NET I/O', 'BLOCK I/O', 'PIDS'],
      ]);
      const cells = line!.split(/ {2,}/);
      expect(cells.slice(0, 2)).toEqual([id.slice(0, 12), box]);
      expect(cells[2]).toMatch(/^\d+\.\d\d%$/);
      expect(cells[3]).toMatch(/^[\d.]+[KM]iB \/ [\d.]+[GMT]iB$/);
      expect(cells[5]).toBe('0B / 0B');
      expect(Number(cells[7])).toBeGreaterThanOrEqual(2);
    });

    test('a busy container uses CPU, a template shows what it names', async () => {
      const name = named('busy');
      await engine.detached(name, [], ['sh', '-c', 'while :; do :; done']);
      await until('the CPU is used', async () => {
        const text = await engine.must(['stats', '--no-stream', '--format', '{{.Name}} {{.CPUPerc}} {{.PIDs}}', name]);
        const [, percent] = /^\S+ ([\d.]+)% 1$/.exec(text) ?? [];
        return text.startsWith(`${name} `) && Number(percent) > 10;
      });
    });

    test('of a container that does not run is zeros; of none an error', async () => {
      const name = named('idle');
      await engine.must(['create', '--network', 'none', '--name', name, 'busybox', 'true']);
      const text = await engine.must([
        'stats',
        '--no-stream',
        '--format',
        '{{.CPUPerc}} {{.MemUsage}} {{.PIDs}}',
        name,
      ]);
      expect(text).toBe('0.00% 0B / 0B 0');
      const unknown = await engine.cli(['stats', '--no-stream', 'no-such-container']);
      expect([unknown.code, unknown.stderr]).toEqual([
        1,
        expect.stringMatching(/No such container: no-such-container/),
      ]);
    });
  });

  describe('update', () => {
    test('changes restart policy, and what inspect shows of it', async () => {
      const name = named('update');
      await engine.detached(name, [], ['sleep', '600']);
      // Docker repeats here what it warns of at create.
      expect((await engine.must(['update', '--restart', 'on-failure:3', name])).split('\n')[0]).toBe(name);
      expect(await engine.inspect(name, '.HostConfig.RestartPolicy')).toEqual({
        Name: 'on-failure',
        MaximumRetryCount: 3,
      });
    });

    test('bad values and no flags are errors, and nothing changes', async () => {
      const none = await engine.cli(['update', box]);
      expect([none.code, none.stderr]).toEqual([
        1,
        expect.stringMatching(/you must provide one or more flags when using this command/),
      ]);
      const memory = await engine.cli(['update', '-m', '1m', box]);
      expect([memory.code, memory.stderr]).toEqual([
        1,
        expect.stringMatching(/Minimum memory limit allowed is [46]MB/),
      ]);
      const policy = await engine.cli(['update', '--restart', 'sometimes', box]);
      expect([policy.code, policy.stderr]).toEqual([1, expect.stringMatching(/invalid restart policy/)]);
      expect(await engine.inspect(box, '.HostConfig.RestartPolicy.Name')).toBe('no');
    });
  });

  describe('events', () => {
    /** Past events, once there are at least `count`: clients ask in whole seconds, so the last ones come a little later. */
    const events = async (count: number, ...args: string[]) => {
      let lines: string[] = [];
      await until(`${count} events`, async () => {
        const text = await engine.must(['events', '--since', '1h', '--until', '0s', ...args]);
        lines = text.split('\n').filter(Boolean);
        return lines.length >= count;
      });
      return lines;
    };

    test('of one container’s life come in Docker’s order, with its names', async () => {
      const name = named('life');
      const label = `life=${name}`;
      await engine.cli(['run', '--name', name, '--network', 'none', '-l', label, 'busybox', 'sh', '-c', 'exit 3']);
      await engine.must(['rename', name, `${name}-2`]);
      await engine.must(['rm', `${name}-2`]);
      const format = '{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.exitCode}}';
      const own = await events(6, '--filter', 'type=container', '--filter', `label=${label}`, '--format', format);
      expect(own.map((line) => line.split(' ')[0])).toEqual(['create', 'attach', 'start', 'die', 'rename', 'destroy']);
      expect(own.find((line) => line.startsWith('die'))).toBe(`die ${name} 3`);
    });

    test('a line names time, type, action, id and attributes', async () => {
      const name = named('line');
      const own = await engine.must([
        'create',
        '--network',
        'none',
        '--name',
        name,
        '-l',
        'b=2',
        '-l',
        'a=1',
        'busybox',
      ]);
      const [line] = await events(1, '--filter', `container=${name}`, '--filter', 'event=create');
      const time = '\\d{4}-\\d\\d-\\d\\dT[\\d:]{8}\\.\\d{9}(Z|[+-][\\d:]{5})';
      expect(line).toMatch(new RegExp(`^${time} container create ${own} \\(a=1, b=2, image=busybox, name=${name}\\)$`));
    });

    test('until a time that is past, it ends; a filter without a value is an error', async () => {
      expect(await engine.must(['events', '--since', '1h', '--until', '0s', '--filter', 'container=no-such'])).toBe('');
      const bad = await engine.cli(['events', '--filter', 'nonsense']);
      expect(bad.code).not.toBe(0);
    });
  });

  test('container prune removes what does not run, of a label, and says how much', async () => {
    const label = `prune=${engine.name()}`;
    const [dead, alive] = [named('dead'), named('alive')];
    const deadId = await engine.must(['create', '--network', 'none', '--name', dead, '-l', label, 'busybox', 'true']);
    await engine.detached(alive, ['-l', label], ['sleep', '600']);
    const text = await engine.must(['container', 'prune', '-f', '--filter', `label=${label}`]);
    expect(text).toMatch(new RegExp(`^Deleted Containers:\\n${deadId}\\n\\nTotal reclaimed space: [\\d.]+k?B$`));
    expect(await engine.must(['container', 'prune', '-f', '--filter', `label=${label}`])).toBe(
      'Total reclaimed space: 0B',
    );
    expect(await engine.inspect(alive, '.State.Running')).toBe(true);
    const asked = await engine.cli(['container', 'prune'], { stdin: 'n\n' });
    expect(asked.stdout).toContain(
      'WARNING! This will remove all stopped containers.\nAre you sure you want to continue? [y/N]',
    );
  });
});

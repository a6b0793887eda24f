// The daemon is killed in the middle of work. Nothing that it promised is lost, nothing runs that nobody knows of, and every
// log is whole. The next command starts the next daemon.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claims } from '../support/claims.ts';
import { isRoot } from '../support/need.ts';
import { missingPunnet, remains, startPunnet, type Punnet } from '../support/punnet.ts';
import { makeOpenScratch, until } from '../support/until.ts';
import { amount, inParallel } from './size.ts';

const count = amount(10, 50);
const LINES = 30;

for (const as of isRoot ? (['user', 'root'] as const) : (['user'] as const))
  claims(`the daemon is killed, punnet as ${as}`, missingPunnet(as), () => {
    let punnet: Punnet;
    const marker = String(800_000_000 + process.pid);
    beforeAll(async () => {
      punnet = await startPunnet({ home: join(makeOpenScratch('crash'), 'home'), as });
      await until(
        'the built-in image is there',
        async () => (await punnet.engine.cli(['inspect', 'busybox'])).code === 0,
      );
    });
    afterAll(() => punnet?.stop());

    test(`in the middle of ${count} runs: nothing lost, nothing orphaned, logs whole`, async () => {
      const { engine } = punnet;
      const names = Array.from({ length: count }, (_, index) => `crash-${index}`);
      const script = `i=0; while [ $i -lt ${LINES} ]; do echo ${marker}-$i; i=$((i+1)); sleep 0.1; done`;
      let promised = 0;
      let killed = false;
      const runs = inParallel(names, 6, async (name) => {
        const outcome = await engine.cli([
          'run',
          '-d',
          '--network',
          'none',
          '--name',
          name,
          'busybox',
          'sh',
          '-c',
          script,
        ]);
        if (outcome.code === 0 && !killed) promised++;
        return { name, ...outcome };
      });
      await until('half of them run', () => promised >= count / 2, 120);
      killed = true;
      await punnet.killDaemon();
      const outcomes = await runs;

      // Whoever was told an id finds that container, run to its end, with every line of it.
      const kept = outcomes.filter(({ code }) => code === 0);
      expect(kept.length).toBeGreaterThanOrEqual(count / 2);
      for (const { name, stdout } of kept) {
        expect([name, await engine.must(['wait', name], { timeout: 60_000 })]).toEqual([name, '0']);
        expect(await engine.inspect(name, '.Id')).toBe(stdout.trim());
        const lines = (await engine.must(['logs', name])).split('\n');
        expect(lines).toEqual(Array.from({ length: LINES }, (_, line) => `${marker}-${line}`));
      }
      // Of the others there is no trace, or a container in a state that is true.
      const states = (await engine.must(['ps', '-a', '--format', '{{.Names}} {{.State}}'])).split('\n');
      for (const state of states) expect(state).toMatch(/^crash-\d+ (exited|created|running)$/);
      await until('what still ran has ended', async () => (await engine.must(['ps', '-q'])) === '');
      await until('no process is left', () => remains(punnet, marker).processes.length === 0);

      await engine.must(['rm', '-f', ...states.map((state) => state.split(' ')[0]!)], { timeout: 120_000 });
      await until('no file is left', () => remains(punnet, marker).entries.length === 0);
      expect(await engine.cli(['system', 'check'])).toMatchObject({ code: 0 });
    });

    test('running containers go on, and the next daemon attaches to them again', async () => {
      const { engine } = punnet;
      const script = 'trap "echo got-usr1; exit 21" USR1; echo ready; while :; do sleep 0.05; done';
      const id = await engine.detached('survivor', [], ['sh', '-c', script]);
      await until('it is ready', async () => (await engine.must(['logs', id])).includes('ready'));
      const pid = (await engine.inspect(id, '.State.Pid')) as number;
      await punnet.killDaemon();
      expect(await engine.inspect(id, '.State')).toMatchObject({ Status: 'running', Pid: pid });
      await engine.must(['kill', '-s', 'USR1', id]);
      expect(await engine.must(['wait', id])).toBe('21');
      expect(await engine.must(['logs', id])).toBe('ready\ngot-usr1');
      await engine.remove(id);
    });

    /** Starts a container and kills the daemon; then the container ends, by a signal from the host. */
    const endsAlone = async (flags: string[], signal: NodeJS.Signals): Promise<string> => {
      const { engine } = punnet;
      const script = 'trap "exit 33" TERM; echo ready; while :; do sleep 0.05; done';
      const id = await engine.must(['run', '-d', ...flags, '--network', 'none', 'busybox', 'sh', '-c', script]);
      await until('it is ready', async () => (await engine.must(['logs', id])).includes('ready'));
      const pid = (await engine.inspect(id, '.State.Pid')) as number;
      await punnet.killDaemon();
      process.kill(pid, signal);
      await until('it has ended', () => !existsSync(`/proc/${pid}`));
      return id;
    };

    test.each([
      ['SIGTERM', 33],
      ['SIGKILL', 137],
    ] as const)(
      'a container that ended by %s while no daemon ran is found ended, with exit code %i',
      async (signal, code) => {
        const id = await endsAlone([], signal);
        expect(await punnet.engine.inspect(id, '.State')).toMatchObject({ Status: 'exited', ExitCode: code, Pid: 0 });
        await punnet.engine.remove(id);
      },
    );

    test('one with --rm that ended meanwhile is removed by the next daemon', async () => {
      const id = await endsAlone(['--rm'], 'SIGKILL');
      await until('it is removed', async () => (await punnet.engine.cli(['inspect', id])).code === 1);
      await until('no file is left', () => remains(punnet, id).entries.length === 0);
    });
  });

// Many containers on one daemon: all of them start, all are listed, all stop, and nothing of them is left.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isRoot } from '../support/need.ts';
import { cgroupsOf, missingPunnet, remains, startPunnet, type Punnet } from '../support/punnet.ts';
import { makeOpenScratch, until } from '../support/until.ts';
import { claims } from '../support/claims.ts';
import { amount, inParallel } from './size.ts';

const count = amount(12, 200);

for (const as of isRoot ? (['user', 'root'] as const) : (['user'] as const))
  claims(`${count} containers, punnet as ${as}`, missingPunnet(as), () => {
    let punnet: Punnet;
    const marker = String(700_000_000 + process.pid);
    const names = Array.from({ length: count }, (_, index) => `dense-${index}`);
    beforeAll(async () => {
      punnet = await startPunnet({ home: join(makeOpenScratch('dense'), 'home'), as });
      await until(
        'the built-in image is there',
        async () => (await punnet.engine.cli(['inspect', 'busybox'])).code === 0,
      );
    });
    afterAll(() => punnet?.stop());

    test('start, are listed, stop, and leave nothing behind', async () => {
      const { engine } = punnet;
      const before = remains(punnet, marker);
      const run = (name: string) =>
        engine.must([
          'run',
          '-d',
          '--network',
          'none',
          '--stop-signal',
          'KILL',
          '--name',
          name,
          'busybox',
          'sleep',
          marker,
        ]);
      const ids = await inParallel(names, 8, run);
      expect(new Set(ids).size).toBe(count);

      const listed = (await engine.must(['ps', '--no-trunc', '--format', '{{.ID}} {{.State}}'])).split('\n');
      expect(new Set(listed)).toEqual(new Set(ids.map((id) => `${id} running`)));

      await inParallel(names, 8, (name) => engine.must(['stop', name]));
      expect(await engine.must(['ps', '-q'])).toBe('');
      expect((await engine.must(['ps', '-aq'])).split('\n')).toHaveLength(count);
      expect(remains(punnet, marker).processes).toEqual([]);

      await engine.must(['rm', ...names], { timeout: 120_000 });
      expect(await engine.must(['ps', '-aq'])).toBe('');
      await until('the last files are removed', () => remains(punnet, marker).entries.length === before.entries.length);
      expect(remains(punnet, marker)).toEqual(before);
      expect(cgroupsOf(ids)).toEqual([]);
      expect((await engine.cli(['system', 'check'])).code).toBe(0);
    });

    describe('with --rm', () => {
      test('leave nothing behind either', async () => {
        const { engine } = punnet;
        const before = remains(punnet, marker);
        const outcomes = await inParallel(names, 8, (name) =>
          engine.run(['--cidfile', join(punnet.engine.spec.home, name)], ['sh', '-c', `: ${marker}; echo done`]),
        );
        expect(outcomes.filter(({ code, stdout }) => code !== 0 || stdout !== 'done\n')).toEqual([]);
        await until(
          'the last files are removed',
          () => remains(punnet, marker).entries.length === before.entries.length,
        );
        expect(remains(punnet, marker)).toEqual(before);
        const ids = names.map((name) => readFileSync(join(punnet.engine.spec.home, name), 'utf8'));
        expect(cgroupsOf(ids)).toEqual([]);
      });
    });
  });

// Nothing that an image needs is collected, whatever pulls, loads, removals and prunes run at once. More rounds:
// PUNNET_RACE_ROUNDS=2000 vitest run --config test/vitest.config.ts --project rooms test/engine-image/race.test.ts

import { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { imageOf, type Entry } from '../support/image.ts';
import { missingRegistry, startRegistry, type Registry } from '../support/registry.ts';
import { makeBench, type Bench } from './support/images.ts';

const missing = missingRegistry();
const ROUNDS = Number(process.env.PUNNET_RACE_ROUNDS ?? 25);

const layer = (name: string): Entry[] => [{ name, content: name.repeat(5000) }];
const signal = new AbortController().signal;

/** A number of turns of the event loop. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** The same numbers in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

async function archiveOf({ images }: Bench, names: string[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const sink = new Writable({ write: (chunk: Buffer, _, done) => (chunks.push(chunk), done()) });
  await images.save(names, { signal, open: () => sink });
  return Buffer.concat(chunks);
}

describe.skipIf(missing)(missing ? `races (skipped: ${missing})` : 'races', () => {
  let registry: Registry;
  const names = ['a', 'b', 'c'];
  const remote = (name: string) => `${registry.host}/race/${name}:1`;
  beforeAll(async () => {
    registry = await startRegistry();
    const shared = [layer('base'), layer('middle')];
    await registry.push(imageOf([...shared, layer('a')]), 'race/a', '1');
    await registry.push(imageOf([...shared, layer('b')]), 'race/b', '1');
    await registry.push(imageOf([layer('c'), layer('base')]), 'race/c', '1');
  });
  afterAll(() => registry?.stop());

  test(`an image that is listed is whole, after ${ROUNDS} rounds of pull, load, rmi and prune at once`, async () => {
    const bench = makeBench();
    const { images } = bench;
    for (const name of names) await bench.pull(remote(name));
    const archive = await archiveOf(bench, names.map(remote));
    const random = numbers(7);
    const attempts: (() => Promise<unknown>)[] = [
      ...names.map((name) => () => bench.pull(remote(name))),
      ...names.map((name) => () => images.remove(remote(name), { force: true, prune: true })),
      () => images.prune({ dangling: ['false'] }),
      () => images.load({ quiet: true, body: Readable.from([archive]), signal, progress: () => {} }),
    ];
    for (let round = 0; round < ROUNDS; round++) {
      const work = Array.from({ length: 6 }, async () => {
        await turns(random(40));
        await attempts[random(attempts.length)]!();
      });
      for (const outcome of await Promise.allSettled(work)) {
        // Removing what is not here is the only failure that there may be.
        if (outcome.status === 'rejected') expect(String(outcome.reason)).toMatch(/No such image/);
      }
      expect((await images.check()).problems).toEqual([]);
      const here = (await images.list({ all: true, digests: false, filters: {} })).map(({ Id }) => Id);
      if (here.length > 0) expect((await archiveOf(bench, here)).length).toBeGreaterThan(0);
    }
    await images.prune({ dangling: ['false'] });
    expect(bench.content.list()).toEqual([]);
    expect(bench.layers.list()).toEqual([]);
  });
});

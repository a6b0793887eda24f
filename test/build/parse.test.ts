// Dockerfile ↔ instructions: each directory of test/cases/dockerfile holds a Dockerfile and what it becomes. And mutants of them
// all, which may be refused but never crash the parser. `npm run fuzz:dockerfile` tries many.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PunnetError } from '../../src/base/errors.ts';
import { parseDockerfile } from '../../src/build/dockerfile/parse.ts';
import { stageGraph } from '../../src/build/stage-graph.ts';
import { PROJECT } from '../support/need.ts';

const CASES = join(PROJECT, 'test/cases/dockerfile');
const names = readdirSync(CASES);
const read = (name: string) => readFileSync(join(CASES, name, 'Dockerfile'), 'utf8');

/** One instruction a line, without its text and place. */
function lines(text: string): string {
  const { stages, args, directives, escape } = parseDockerfile(text);
  const all = [{ escape, directives }, ...args, ...stages.flatMap(({ from, instructions }) => [from, ...instructions])];
  return all.map((one) => `${JSON.stringify({ ...one, text: undefined, end: undefined })}\n`).join('');
}

test.each(names)('%s becomes what its file says', (name) => {
  const found = lines(read(name));
  const file = join(CASES, name, 'instructions.jsonl');
  if (process.env.PUNNET_GOLDEN === 'write') writeFileSync(file, found);
  expect(found).toBe(readFileSync(file, 'utf8'));
});

test('stages that the target does not need are left out', () => {
  const { stages } = parseDockerfile('FROM a AS one\nFROM b AS two\nFROM one\nCOPY --from=0 /x /\n');
  const graph = stageGraph(stages, { expand: (word) => word });
  expect(graph.needed).toEqual([0, 2]);
  expect(stageGraph(stages, { target: 'two', expand: (word) => word }).needed).toEqual([1]);
});

test('a stage that copies from itself or from a later one is refused', () => {
  const graph = (text: string) => stageGraph(parseDockerfile(text).stages, { expand: (word) => word });
  expect(() => graph('FROM a AS one\nCOPY --from=one /x /\n')).toThrow(/circular dependency/);
  expect(() => graph('FROM a AS one\nCOPY --from=two /x /\nFROM b AS two\n')).toThrow(/circular dependency/);
});

test('mutants are parsed or refused, and nothing else', () => {
  const times = Number(process.env.PUNNET_FUZZ_TIMES ?? 2000);
  let seed = Number(process.env.PUNNET_FUZZ_SEED ?? 1);
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const pool = names.map(read);
  const pieces = [
    '\\',
    '\n',
    '"',
    "'",
    '$',
    '${',
    '}',
    '<<',
    'EOF',
    '--',
    '=',
    '[',
    ']',
    '#',
    '`',
    'FROM ',
    'ONBUILD ',
    '\0',
    ',',
    '%',
    '/',
  ];
  for (let round = 0; round < times; round++) {
    let text = pool[random(pool.length)]!;
    for (let change = random(6) + 1; change > 0; change--) {
      const at = random(text.length + 1);
      text = text.slice(0, at) + pieces[random(pieces.length)]! + text.slice(at + random(8));
    }
    try {
      stageGraph(parseDockerfile(text).stages, { expand: (word) => word });
    } catch (error) {
      if (!(error instanceof PunnetError)) throw new Error(`seed ${seed}: ${JSON.stringify(text)}`, { cause: error });
    }
  }
});

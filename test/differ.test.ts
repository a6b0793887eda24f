import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DIFFERENCES } from './differ.ts';
import { PROJECT } from './support/need.ts';

test('every accepted difference from Docker is asked for by a test', () => {
  const directory = join(PROJECT, 'test/verb');
  const text = readdirSync(directory)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('\n');
  expect(Object.keys(DIFFERENCES).filter((id) => !text.includes(`'${id}'`))).toEqual([]);
});

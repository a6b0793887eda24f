// Directories of containers on a real disk, without an engine.

import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ContainerDirectories } from '../../src/engine/container/directories.ts';
import { newState, type ContainerRecord } from '../../src/engine/container/record.ts';
import { appendState, readContainer } from '../../src/engine/container/record-file.ts';

let root: string;
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), 'punnet-directories-'))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

const record = (name: string) => ({ id: name.repeat(64), name }) as ContainerRecord;
const open = () =>
  new ContainerDirectories({
    root: join(root, 'container'),
    aside: join(root, 'spare'),
    discard: (path) => rmSync(path, { recursive: true }),
  });

test('a directory that is used again has the new record and nothing else of the old container', () => {
  const directories = open();
  const old = directories.make(record('a'));
  const { ino } = statSync(old);
  appendState(old, record('a'), { ...newState(), exitCode: 7 });
  writeFileSync(join(old, 'log'), 'said');
  directories.retire(record('a').id);
  expect(existsSync(old)).toBe(false);
  directories.free(record('a').id);
  const next = directories.make(record('b'));
  expect(statSync(next).ino).toBe(ino);
  expect(readdirSync(next)).toEqual(['record.jsonl']);
  expect(readContainer(next)).toEqual({ record: record('b'), state: newState() });
});

test('one that somebody may still write to is not used', () => {
  const directories = open();
  const { ino } = statSync(directories.make(record('a')));
  directories.retire(record('a').id);
  expect(statSync(directories.make(record('b'))).ino).not.toBe(ino);
});

test('what an earlier daemon kept is removed', () => {
  const earlier = open();
  earlier.make(record('a'));
  earlier.make(record('b'));
  earlier.retire(record('a').id);
  void open();
  expect(readdirSync(join(root, 'container'))).toEqual([record('b').id]);
  expect(readdirSync(join(root, 'spare'))).toEqual([]);
});

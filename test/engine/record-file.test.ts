// A container's file: the record, then its states. On a real disk, without an engine.

import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newState, type ContainerRecord } from '../../src/engine/container/record.ts';
import { appendState, readContainer, recordFile, writeContainer } from '../../src/engine/container/record-file.ts';

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'punnet-record-'))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const record = { id: 'f'.repeat(64), name: 'a' } as ContainerRecord;
const state = (exitCode: number) => ({ ...newState(), status: 'exited' as const, exitCode });

test('the newest state counts; a container that never had one is fresh', () => {
  expect(readContainer(directory)).toBeUndefined();
  writeContainer(directory, record);
  expect(readContainer(directory)).toEqual({ record, state: newState() });
  appendState(directory, record, state(1));
  appendState(directory, record, state(2));
  expect(readContainer(directory)).toEqual({ record, state: state(2) });
});

test('a state that was cut short does not count, and the next one follows it', () => {
  writeContainer(directory, record, state(1));
  appendFileSync(recordFile(directory), '{"status":"runn');
  expect(readContainer(directory)).toEqual({ record, state: state(1) });
  appendState(directory, record, state(3));
  expect(readContainer(directory)).toEqual({ record, state: state(3) });
});

test('states of the past are dropped when the file has grown long', () => {
  writeContainer(directory, record);
  for (let round = 0; round < 2000; round++) appendState(directory, record, state(round));
  expect(statSync(recordFile(directory)).size).toBeLessThan(80 << 10);
  expect(readContainer(directory)!.state.exitCode).toBe(1999);
});

test.each(['', '{"id": "f', '{"id": "f\n', 'null and void\n{}\n'])(
  '%j is corrupt, and the error names the file',
  (text) => {
    writeFileSync(recordFile(directory), text);
    expect(() => readContainer(directory)).toThrow(`state file ${recordFile(directory)} is corrupt: `);
    expect(readFileSync(recordFile(directory), 'utf8')).toBe(text);
  },
);

// A container on disk: `container/<id>/record.jsonl`, JSON, a line each. The first says what was asked for; each further one
// what became of it, the newest last. A change is one write at the end, which costs a tenth of a new file and a rename; what a
// full disk or a crash cut short has no end of line and does not count. Create, rename and update write the file anew.
// Runs in the daemon, as root of its user namespace. write(2): what fits a page is written whole or not at all by a killed process.

import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../../base/atomic-file.ts';
import { errnoOf, internal, messageOf } from '../../base/errors.ts';
import { newState, type ContainerRecord, type ContainerState } from './record.ts';

/** Bytes after which the states of the past are dropped: a container that restarts for ever must not fill the disk. */
const LONG = 64 << 10;

export const RECORD = 'record.jsonl';

export function recordFile(directory: string): string {
  return join(directory, RECORD);
}

/** Makes the directory and writes the file anew. @throws the errno of mkdir(2), write(2) or rename(2); then the old file stays */
export function writeContainer(directory: string, record: ContainerRecord, state?: ContainerState): void {
  mkdirSync(directory, { recursive: true, mode: 0o710 });
  writeFileAtomic(recordFile(directory), line(record) + (state ? line(state) : ''));
}

/** Writes the record into the file of a directory that is no container's yet, over what was there. @throws the errno of write(2) */
export function fillRecord(directory: string, record: ContainerRecord): void {
  writeFileSync(recordFile(directory), line(record), { mode: 0o600 });
}

/** Adds a state. @throws the errno of write(2); then the file is as it was */
export function appendState(directory: string, record: ContainerRecord, state: ContainerState): void {
  const fd = openSync(recordFile(directory), constants.O_WRONLY | constants.O_APPEND);
  try {
    const { size } = fstatSync(fd);
    if (size > LONG) return writeContainer(directory, record, state);
    const bytes = Buffer.from(line(state));
    let written = 0;
    try {
      written = writeSync(fd, bytes);
      if (written < bytes.length) throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' });
    } catch (error) {
      if (written > 0) ftruncateSync(fd, size);
      throw error;
    }
  } finally {
    closeSync(fd);
  }
}

/**
 * What is on disk; undefined when there is no such file. A line that was cut short is taken away, so that the next one can follow.
 * @throws internal, naming the file, when it is corrupt
 */
export function readContainer(directory: string): { record: ContainerRecord; state: ContainerState } | undefined {
  const path = recordFile(directory);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const lines = text.split('\n');
  const cut = lines.pop() !== '';
  const [record, ...states] = lines.map((each) => parse(path, each));
  if (record === undefined) throw corrupt(path, 'its first line has no end');
  const state = { ...newState(), ...(states.at(-1) as ContainerState | undefined) };
  if (cut) writeContainer(directory, record as ContainerRecord, state);
  return { record: record as ContainerRecord, state };
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw corrupt(path, messageOf(error), error);
  }
}

function corrupt(path: string, why: string, cause?: unknown): Error {
  return internal(`state file ${path} is corrupt: ${why}`, { cause, fix: 'punnet system check' });
}

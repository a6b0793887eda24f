// State on disk is plain files written by write-then-rename, so that kill -9 leaves the old file or the new one, never a
// half. (Process death, not power loss, is the promise: no fsync.) Runs in every process; rename(2).

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { errnoOf, internal, messageOf } from './errors.ts';

/** Writes `data` under `path` in one step. The directory must exist. `mode` is an octal permission, default 0600. */
export function writeFileAtomic(path: string, data: string | Uint8Array, mode = 0o600): void {
  // Not node:crypto, which takes longer to load than a container to start.
  const temporary = `${path}.${process.pid}-${process.hrtime.bigint()}.tmp`;
  try {
    writeFileSync(temporary, data, { mode, flag: 'wx' });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Writes a value as indented JSON, so that a learner can `cat` it. */
export function writeJsonAtomic(path: string, value: unknown): void {
  writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Reads JSON that writeJsonAtomic wrote; undefined when there is no such file.
 * @throws internal, naming the file and the command that mends it, when it is not JSON.
 */
export function readJson<T>(path: string, fix = 'punnet system check'): T | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw internal(`state file ${path} is corrupt: ${messageOf(error)}`, {
      cause: error,
      fix,
    });
  }
}

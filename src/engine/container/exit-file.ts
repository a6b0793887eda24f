// What a shim leaves behind in its runtime directory: `pid` when init exists, `exit` when it ended. Runs in the daemon. proc_pid_stat(5)

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readJson } from '../../base/atomic-file.ts';
import { errnoOf } from '../../base/errors.ts';

export interface ExitStatus {
  /** 128 + n when signal n killed init */
  exitCode: number;
  /** the signal that killed init, or 0 */
  signal: number;
  finishedAt?: string;
}

/** Path of the record of the end, in the runtime directory of a container or an exec. */
export function exitFile(directory: string): string {
  return join(directory, 'exit');
}

/** The recorded end at `path`; undefined when there is none. @throws internal when the file is corrupt */
export function readExit(path: string): ExitStatus | undefined {
  return readJson<ExitStatus>(path);
}

export interface Processes {
  init: number;
  initStart: string;
  shim: number;
  shimStart: string;
}

/** The pids that the shim recorded in a runtime directory; undefined when there is no such file. */
export function readPids(directory: string): Processes | undefined {
  let text: string;
  try {
    text = readFileSync(join(directory, 'pid'), 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const [init, initStart, shim, shimStart] = text.trim().split(' ');
  if (shimStart === undefined) return undefined;
  return { init: Number(init), initStart: initStart!, shim: Number(shim), shimStart };
}

/** True when the process with this pid is still the one that started then; pids are reused. */
export function isAlive(pid: number, start: string): boolean {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return false;
  }
  // The name, field 2, may hold spaces and parentheses: count from the last one. Start time is field 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[19] === start && fields[0] !== 'Z' && fields[0] !== 'X';
}

// `top`: the host's ps(1), its lines of this container's processes. Runs in the daemon. ps(1); moby: daemon/top_unix.go.

import { execFile } from 'node:child_process';
import { errnoOf, internal, invalidArgument } from '../../base/errors.ts';
import type { Container } from './container.ts';
import { requireExecable } from './require.ts';
import { processesOfContainer } from './processes.ts';
import type { Room } from './room.ts';

export interface TopResult {
  Titles: string[];
  Processes: string[][];
}

/** `options` as ps(1) takes them; `-ef` where there are none. @throws conflict, invalidArgument, internal */
export async function top(room: Room, container: Container, options: string): Promise<TopResult> {
  // A renamed PID column could not be found again.
  const renamed = /\s+([^\s]*)=\s*(PID[^\s]*)/.exec(options);
  if (renamed) throw invalidArgument(`specifying "${renamed[1]}=${renamed[2]}" is not allowed`);
  requireExecable(container);
  const pids = new Set(processesOfContainer(room, container));
  const result = readTable(await ps(options.split(/\s+/).filter(Boolean)), pids);
  room.publish(container, 'top');
  return result;
}

function ps(options: string[]): Promise<string> {
  const args = options.length > 0 ? options : ['-ef'];
  return new Promise((resolve, reject) => {
    execFile('ps', args, { maxBuffer: 64 << 20, timeout: 30_000 }, (error, stdout, stderr) => {
      if (!error) resolve(stdout);
      else if (errnoOf(error) === 'ENOENT') reject(internal('top needs the program ps, which is not installed'));
      else reject(internal(`Error running ps: ${stderr.trim() || error.message}`, { cause: error }));
    });
  });
}

/** Columns as the title line has them; what is left of a line belongs to its last column. */
export function readTable(output: string, pids: ReadonlySet<number>): TopResult {
  const [first = '', ...lines] = output.split('\n');
  const titles = words(first);
  const column = titles.indexOf('PID');
  if (column < 0) throw internal("Couldn't find PID field in ps output");
  const processes: string[][] = [];
  let listed = false;
  for (const line of lines.map(words)) {
    if (line.length === 0) continue;
    const pid = line[column]!;
    // A line of a thread has no pid of its own: it belongs to the process above it.
    if (pid === '-') {
      if (listed) processes.push(fold(line, titles.length));
      continue;
    }
    listed = pids.has(Number(pid));
    if (listed) processes.push(fold(line, titles.length));
  }
  return { Titles: titles, Processes: processes };
}

function fold(line: string[], columns: number): string[] {
  return [...line.slice(0, columns - 1), line.slice(columns - 1).join(' ')];
}

function words(line: string): string[] {
  return line.split(/\s+/).filter(Boolean);
}

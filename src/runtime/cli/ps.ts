// punnet-runc ps: the processes in the container's cgroup, as ps(1) of the host shows them, or their numbers as JSON.

import { spawnSync } from 'node:child_process';
import { conflict, internal, invalidArgument } from '../../base/errors.ts';
import { processesOf } from '../cgroup.ts';
import type { Call } from './commands.ts';
import { say } from './say.ts';
import { mustRead } from './store.ts';

export function ps({ settings, flags, args: [id = '', ...options] }: Call): number {
  const format = flags.text('format') ?? 'table';
  if (format !== 'table' && format !== 'json') throw invalidArgument('invalid format option');
  const { cgroup, init } = mustRead(settings.root, id);
  if (cgroup === undefined && init === undefined) throw conflict('container not running');
  const pids = cgroup === undefined ? [init!.pid] : processesOf(cgroup);
  if (format === 'json') {
    say(1, `${JSON.stringify(pids)}\n`);
    return 0;
  }
  const { stdout, stderr, status, error } = spawnSync('ps', options.length > 0 ? options : ['-ef'], {
    encoding: 'utf8',
  });
  if (error || status !== 0) throw internal(`ps: ${error?.message ?? stderr.trim()}`, { cause: error });
  const [head = '', ...lines] = stdout.split('\n');
  const column = head.trim().split(/\s+/).indexOf('PID');
  if (column < 0) throw invalidArgument(`couldn't find PID field in ps output`);
  const own = lines.filter((line) => pids.includes(Number(line.trim().split(/\s+/)[column])));
  say(1, `${[head, ...own].join('\n')}\n`);
  return 0;
}

// punnet stop: the stop signal, then after a grace period SIGKILL. docker/cli: cli/command/container/stop.go.

import { forEachName } from '../each.ts';
import type { Flag, Flags } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'signal', short: 's', type: 'string', help: 'Signal to send to the container' },
  { name: 'time', type: 'int', help: '', hidden: true, deprecated: 'use --timeout instead' },
  { name: 'timeout', short: 't', type: 'int', help: 'Seconds to wait before killing the container' },
];

export const examples = ['punnet stop -t 2 web'];

export const run: Run = async (context, { flags, positional }) => {
  const query = stopQuery(flags);
  await forEachName(context, positional, (name) => context.client.call('POST', `/containers/${name}/stop`, { query }));
};

/** What `stop` and `restart` ask for. @throws Error when both spellings of the timeout are given */
export function stopQuery(flags: Flags): { signal: string; t: number | undefined } {
  if (flags.changed('time') && flags.changed('timeout')) {
    throw new Error('conflicting options: cannot specify both --timeout and --time');
  }
  const seconds = [...flags.all<number>('time'), ...flags.all<number>('timeout')].at(-1);
  return { signal: flags.text('signal'), t: seconds };
}

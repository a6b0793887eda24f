// punnet-runc list: the containers of a root, as a table or as JSON.

import { invalidArgument } from '../../base/errors.ts';
import type { Call } from './commands.ts';
import { say } from './say.ts';
import { ownerOf, stateOf, type ContainerState } from './state.ts';
import { containerIds, readRecord } from './store.ts';
import { table } from './table.ts';

export function list({ settings, flags }: Call): number {
  const format = flags.text('format') ?? 'table';
  if (format !== 'table' && format !== 'json') throw invalidArgument(`invalid format option`);
  const states = containerIds(settings.root).flatMap((id): ContainerState[] => {
    const record = readRecord(settings.root, id);
    // Without a record it is being made, or was not finished.
    return record ? [{ ...stateOf(settings, record), owner: ownerOf(record.owner) }] : [];
  });
  if (flags.bool('quiet')) say(1, states.map(({ id }) => `${id}\n`).join(''));
  else if (format === 'json') say(1, `${JSON.stringify(states)}\n`);
  else {
    const rows = states.map(({ id, pid, status, bundle, created, owner }) => [
      id,
      String(pid),
      status,
      bundle,
      created,
      owner,
    ]);
    say(1, table([['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER'], ...rows]));
  }
  return 0;
}

// punnet container prune: removes every container that does not run. docker/cli: cli/command/container/prune.go.

import { confirm } from '../confirm.ts';
import { filterQuery, pruneFilter } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { humanSize } from '../format/size.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  pruneFilter('Provide filter values (e.g. "until=<timestamp>")'),
  { name: 'force', short: 'f', type: 'bool', help: 'Do not prompt for confirmation' },
];

export const examples = ['punnet container prune -f --filter until=24h'];

const WARNING = 'WARNING! This will remove all stopped containers.';

export const run: Run = async (context, { flags }) => {
  if (!flags.on('force')) await confirm(context, WARNING);
  const { ContainersDeleted, SpaceReclaimed } = await context.client.call<{
    ContainersDeleted?: string[] | null;
    SpaceReclaimed: number;
  }>('POST', '/containers/prune', { query: { filters: filterQuery(flags.all('filter')) } });
  const deleted = ContainersDeleted ?? [];
  if (deleted.length > 0) context.out.write(`Deleted Containers:\n${deleted.map((id) => `${id}\n`).join('')}\n`);
  context.out.line(`Total reclaimed space: ${humanSize(SpaceReclaimed)}`);
};

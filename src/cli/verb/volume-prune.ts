// punnet volume prune. docker/cli: cli/command/volume/prune.go.

import { confirm } from '../confirm.ts';
import { filter, filterQuery } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { humanSize } from '../format/size.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'all', short: 'a', type: 'bool', help: 'Remove all unused volumes, not just anonymous ones' },
  { ...filter, short: undefined, help: 'Provide filter values (e.g. "label=<label>")' },
  { name: 'force', short: 'f', type: 'bool', help: 'Do not prompt for confirmation' },
];

export const examples = ['punnet volume prune --force --all'];

const ANONYMOUS = 'WARNING! This will remove anonymous local volumes not used by at least one container.';
const ALL = 'WARNING! This will remove all local volumes not used by at least one container.';

export const run: Run = async (context, { flags }) => {
  const all = flags.on('all');
  if (!flags.on('force')) await confirm(context, all ? ALL : ANONYMOUS);
  const filters = flags.all<{ name: string; value: string }>('filter');
  const { VolumesDeleted, SpaceReclaimed } = await context.client.call<{
    VolumesDeleted: string[] | null;
    SpaceReclaimed: number;
  }>('POST', '/volumes/prune', {
    query: { filters: filterQuery(all ? [...filters, { name: 'all', value: 'true' }] : filters) },
  });
  if (VolumesDeleted?.length) context.out.write(`Deleted Volumes:\n${VolumesDeleted.join('\n')}\n\n`);
  context.out.line(`Total reclaimed space: ${humanSize(SpaceReclaimed)}`);
};

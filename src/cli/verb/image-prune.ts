// punnet image prune. docker/cli: cli/command/image/prune.go.

import { confirm } from '../confirm.ts';
import { filter, filterQuery } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { humanSize } from '../format/size.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'all', short: 'a', type: 'bool', help: 'Remove all unused images, not just dangling ones' },
  { ...filter, short: undefined, help: 'Provide filter values (e.g. "until=<timestamp>")' },
  { name: 'force', short: 'f', type: 'bool', help: 'Do not prompt for confirmation' },
];

export const examples = ['punnet image prune --all --force'];

const ALL = 'WARNING! This will remove all images without at least one container associated to them.';
const DANGLING = 'WARNING! This will remove all dangling images.';

export const run: Run = async (context, { flags }) => {
  const all = flags.on('all');
  if (!flags.on('force')) await confirm(context, all ? ALL : DANGLING);
  const filters = flags.all<{ name: string; value: string }>('filter');
  const { ImagesDeleted, SpaceReclaimed } = await context.client.call<{
    ImagesDeleted: { Untagged?: string; Deleted?: string }[] | null;
    SpaceReclaimed: number;
  }>('POST', '/images/prune', {
    query: { filters: filterQuery([...filters, { name: 'dangling', value: String(!all) }]) },
  });
  if (ImagesDeleted?.length) {
    const lines = ImagesDeleted.map(({ Untagged, Deleted }) =>
      Untagged ? `untagged: ${Untagged}` : `deleted: ${Deleted}`,
    );
    context.out.write(`Deleted Images:\n${lines.join('\n')}\n\n`);
  }
  context.out.line(`Total reclaimed space: ${humanSize(SpaceReclaimed)}`);
};

// punnet container prune: removes every container that does not run. docker/cli: cli/command/container/prune.go.

import { confirm } from '../confirm.ts';
import { pruneFilter } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { humanSize } from '../format/size.ts';
import { pruneContainers } from '../prune.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  pruneFilter('Provide filter values (e.g. "until=<timestamp>")'),
  { name: 'force', short: 'f', type: 'bool', help: 'Do not prompt for confirmation' },
];

export const examples = ['punnet container prune -f --filter until=24h'];

const WARNING = 'WARNING! This will remove all stopped containers.';

export const run: Run = async (context, { flags }) => {
  if (!flags.on('force')) await confirm(context, WARNING);
  const { freed, text } = await pruneContainers(context, flags.all('filter'));
  if (text !== '') context.out.line(text);
  context.out.line(`Total reclaimed space: ${humanSize(freed)}`);
};

// punnet volume prune. docker/cli: cli/command/volume/prune.go.

import { confirm } from '../confirm.ts';
import { filter } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { humanSize } from '../format/size.ts';
import { pruneVolumes } from '../prune.ts';
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
  const { freed, text } = await pruneVolumes(context, all ? [...filters, { name: 'all', value: 'true' }] : filters);
  if (text !== '') context.out.line(text);
  context.out.line(`Total reclaimed space: ${humanSize(freed)}`);
};

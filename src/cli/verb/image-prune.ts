// punnet image prune. docker/cli: cli/command/image/prune.go.

import { confirm } from '../confirm.ts';
import { filter } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { humanSize } from '../format/size.ts';
import { pruneImages } from '../prune.ts';
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
  const { freed, text } = await pruneImages(context, flags.all('filter'), all);
  if (text !== '') context.out.line(text);
  context.out.line(`Total reclaimed space: ${humanSize(freed)}`);
};

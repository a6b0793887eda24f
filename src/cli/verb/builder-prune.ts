// punnet builder prune: frees the build cache. docker/cli: cli/command/builder/prune.go.

import { parseBytes } from '../../base/byte-size.ts';
import { pruneFilter } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { humanSize } from '../format/size.ts';
import { pruneBuilds } from '../prune.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  {
    name: 'all',
    short: 'a',
    type: 'bool',
    help: 'Remove all unused build cache, not just what nothing asked for in a day',
  },
  pruneFilter('Provide filter values (e.g. "until=24h")'),
  { name: 'force', short: 'f', type: 'bool', help: 'Do not prompt for confirmation' },
  {
    name: 'keep-storage',
    type: 'bytes',
    help: 'Amount of disk space to keep for cache',
    initial: '0',
    read: parseBytes,
  },
];

export const run: Run = async (context, { flags }) => {
  const { freed, text } = await pruneBuilds(context, flags.all('filter'), {
    all: flags.on('all'),
    keepStorage: flags.number('keep-storage') || undefined,
  });
  if (text !== '') context.out.line(text);
  context.out.line(`Total reclaimed space: ${humanSize(freed, 4)}`);
};

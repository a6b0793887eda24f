// punnet builder prune: frees the build cache. docker/cli: cli/command/builder/prune.go.

import { parseBytes } from '../../base/byte-size.ts';
import type { Flag } from '../flag.ts';
import { humanSize } from '../format/size.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  {
    name: 'all',
    short: 'a',
    type: 'bool',
    help: 'Remove all unused build cache, not just what nothing asked for in a day',
  },
  { name: 'filter', type: 'filter', help: 'Provide filter values (e.g. "until=24h")' },
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
  const filters: Record<string, string[]> = {};
  for (const filter of flags.all('filter')) {
    const [name = '', value = ''] = filter.split(/=(.*)/s, 2);
    filters[name] = [...(filters[name] ?? []), value];
  }
  const answer = await context.client.call<{ CachesDeleted: string[]; SpaceReclaimed: number }>(
    'POST',
    '/build/prune',
    {
      query: {
        all: flags.on('all'),
        'keep-storage': flags.number('keep-storage') || undefined,
        ...(flags.changed('filter') && { filters: JSON.stringify(filters) }),
      },
    },
  );
  if (answer.CachesDeleted.length > 0) {
    context.out.write(
      ['Deleted build cache objects:', ...answer.CachesDeleted.map((key) => key.slice(7, 19)), '', ''].join('\n'),
    );
  }
  context.out.line(`Total reclaimed space: ${humanSize(answer.SpaceReclaimed, 4)}`);
};

// punnet system prune: removes what nothing uses, of every kind. docker/cli: cli/command/system/prune.go.

import { confirm } from '../confirm.ts';
import { pruneFilter } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { humanSize } from '../format/size.ts';
import { pruneBuilds, pruneContainers, pruneImages, pruneNetworks, pruneVolumes, type Pruned } from '../prune.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'all', short: 'a', type: 'bool', help: 'Remove all unused images not just dangling ones' },
  pruneFilter('Provide filter values (e.g. "label=<key>=<value>")'),
  { name: 'force', short: 'f', type: 'bool', help: 'Do not prompt for confirmation' },
  { name: 'volumes', type: 'bool', help: 'Prune anonymous volumes' },
];

export const examples = ['punnet system prune', 'punnet system prune --all --volumes --force'];

export const run: Run = async (context, { flags }) => {
  const all = flags.on('all');
  const volumes = flags.on('volumes');
  const filters = flags.all<{ name: string; value: string }>('filter');
  if (volumes && filters.some(({ name }) => name === 'until'))
    throw new Error('ERROR: The "until" filter is not supported with "--volumes"');
  if (!flags.on('force')) await confirm(context, warning({ all, volumes, filters }));
  const steps: (() => Promise<Pruned>)[] = [
    () => pruneContainers(context, filters),
    () => pruneNetworks(context, filters),
    ...(volumes ? [() => pruneVolumes(context, filters)] : []),
    () => pruneImages(context, filters, all),
    () => pruneBuilds(context, filters, { all }),
  ];
  let freed = 0;
  for (const step of steps) {
    const pruned = await step();
    freed += pruned.freed;
    if (pruned.text !== '') context.out.line(pruned.text);
  }
  context.out.line(`Total reclaimed space: ${humanSize(freed)}`);
};

function warning(input: { all: boolean; volumes: boolean; filters: { name: string; value: string }[] }): string {
  const { all, volumes } = input;
  const things = [
    'all stopped containers',
    'all networks not used by at least one container',
    ...(volumes ? ['all anonymous volumes not used by at least one container'] : []),
    all ? 'all images without at least one container associated to them' : 'all dangling images',
    all ? 'all build cache' : 'unused build cache',
  ];
  const filters = input.filters.map(({ name, value }) => `${name}=${value}`).sort();
  const shown = (lines: string[]) => lines.map((line) => `  - ${line}\n`).join('');
  const filtered = filters.length > 0 ? `\n  Items to be pruned will be filtered with:\n${shown(filters)}` : '';
  return `WARNING! This will remove:\n${shown(things)}${filtered}`;
}

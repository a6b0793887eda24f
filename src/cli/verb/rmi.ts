// punnet rmi: removes images. docker/cli: cli/command/image/remove.go.

import { ApiError } from '../../api/client.ts';
import { Exit, textOf } from '../exit.ts';
import type { Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'force', short: 'f', type: 'bool', help: 'Force removal of the image' },
  { name: 'no-prune', type: 'bool', help: 'Do not delete untagged parents' },
];

export const examples = ['punnet rmi busybox:1.36'];

export const run: Run = async (context, { flags, positional }) => {
  const force = flags.on('force');
  const errors: unknown[] = [];
  for (const name of positional) {
    try {
      const removed = await context.client.call<{ Untagged?: string; Deleted?: string }[]>(
        'DELETE',
        `/images/${name}`,
        {
          query: { force, noprune: flags.on('no-prune') },
        },
      );
      for (const { Deleted, Untagged } of removed) {
        context.out.line(Deleted ? `Deleted: ${Deleted}` : `Untagged: ${Untagged}`);
      }
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 0) return;
  const text = errors.map(textOf).join('\n');
  const onlyMissing = errors.every((error) => error instanceof ApiError && error.status === 404);
  if (!force || !onlyMissing) throw new Exit(1, text);
  context.err.line(text);
};

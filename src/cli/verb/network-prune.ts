// punnet network prune: removes the networks that no container uses. docker/cli: cli/command/network/prune.go.

import { filter } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { pruneNetworks } from '../prune.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { ...filter, short: undefined, help: 'Provide filter values (e.g. "until=<timestamp>")' },
  { name: 'force', short: 'f', type: 'bool', help: 'Do not prompt for confirmation' },
];

export const examples = ['punnet network prune -f'];

export const run: Run = async (context, { flags }) => {
  if (!flags.on('force')) {
    const { createInterface } = await import('node:readline/promises');
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    const answer = await terminal.question(
      'WARNING! This will remove all custom networks not used by at least one container.\nAre you sure you want to continue? [y/N] ',
    );
    terminal.close();
    if (!/^y$/i.test(answer.trim())) throw new Error('network prune has been cancelled');
  }
  const { text } = await pruneNetworks(context, flags.all('filter'));
  if (text !== '') context.out.line(text);
};

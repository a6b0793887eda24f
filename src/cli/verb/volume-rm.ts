// punnet volume rm. docker/cli: cli/command/volume/remove.go.

import { exitWithAll } from '../exit.ts';
import type { Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'force', short: 'f', type: 'bool', help: 'Force the removal of one or more volumes' },
];

export const examples = ['punnet volume rm data'];

export const run: Run = async (context, { flags, positional }) => {
  const errors: unknown[] = [];
  for (const name of positional) {
    try {
      await context.client.call('DELETE', `/volumes/${name}`, { query: { force: flags.on('force') } });
      context.out.line(name);
    } catch (error) {
      errors.push(error);
    }
  }
  exitWithAll(errors);
};

// punnet network rm: removes networks. docker/cli: cli/command/network/remove.go.

import { ApiError } from '../../api/client.ts';
import { Exit, textOf } from '../exit.ts';
import type { Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'force', short: 'f', type: 'bool', help: 'Do not error if the network does not exist' },
];

export const examples = ['punnet network rm backend'];

export const run: Run = async (context, { flags, positional }) => {
  let failed = false;
  for (const name of positional) {
    try {
      await context.client.call('DELETE', `/networks/${name}`, {});
    } catch (error) {
      if (flags.on('force') && error instanceof ApiError && error.status === 404) continue;
      context.err.line(textOf(error));
      failed = true;
      continue;
    }
    context.out.line(name);
  }
  // Everything has been said.
  if (failed) throw new Exit(1, 'exit status 1');
};

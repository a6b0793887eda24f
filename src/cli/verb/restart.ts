// punnet restart: stop and start again, one container after the other. docker/cli: cli/command/container/restart.go.

import { exitWithAll } from '../exit.ts';
import type { Run } from '../verb.ts';
import { stopQuery } from './stop.ts';

export { flags } from './stop.ts';

export const examples = ['punnet restart web'];

export const run: Run = async (context, { flags, positional }) => {
  const query = stopQuery(flags);
  const errors: unknown[] = [];
  for (const name of positional) {
    try {
      await context.client.call('POST', `/containers/${name}/restart`, { query });
      context.out.line(name);
    } catch (error) {
      errors.push(error);
    }
  }
  exitWithAll(errors);
};

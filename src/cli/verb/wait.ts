// punnet wait: prints exit codes as containers end. docker/cli: cli/command/container/wait.go.

import { exitWithAll } from '../exit.ts';
import type { Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [];

export const examples = ['punnet wait web'];

export const run: Run = async (context, { positional }) => {
  const errors: unknown[] = [];
  for (const name of positional) {
    try {
      const { StatusCode } = await context.client.call<{ StatusCode: number }>('POST', `/containers/${name}/wait`);
      context.out.line(String(StatusCode));
    } catch (error) {
      errors.push(error);
    }
  }
  exitWithAll(errors);
};

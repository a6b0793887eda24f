// punnet rename. docker/cli: cli/command/container/rename.go.

import { textOf } from '../exit.ts';
import type { Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [];

export const examples = ['punnet rename web old-web'];

export const run: Run = async (context, { positional }) => {
  const [from, to] = positional.map((name) => name.trim());
  if (!from || !to) throw new Error('Error: Neither old nor new names may be empty');
  try {
    await context.client.call('POST', `/containers/${from}/rename`, { query: { name: to } });
  } catch (error) {
    context.err.line(textOf(error));
    throw new Error(`Error: failed to rename container named ${from}`, { cause: error });
  }
};

// punnet unpause: lets paused containers go on. docker/cli: cli/command/container/unpause.go.

import { forEachName } from '../each.ts';
import type { Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [];

export const examples = ['punnet unpause web'];

export const run: Run = (context, { positional }) =>
  forEachName(context, positional, (name) => context.client.call('POST', `/containers/${name}/unpause`));

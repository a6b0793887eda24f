// punnet pause: stops every process of containers where it is. docker/cli: cli/command/container/pause.go.

import { forEachName } from '../each.ts';
import type { Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [];

export const examples = ['punnet pause web'];

export const run: Run = (context, { positional }) =>
  forEachName(context, positional, (name) => context.client.call('POST', `/containers/${name}/pause`));

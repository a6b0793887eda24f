// punnet volume inspect. docker/cli: cli/command/volume/inspect.go.

import { objectFormat } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { inspectObjects } from '../inspect-objects.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [objectFormat];

export const run: Run = (context, { flags, positional }) =>
  inspectObjects(context, {
    names: positional,
    format: flags.text('format'),
    look: (name) => context.client.text('GET', `/volumes/${name}`),
  });

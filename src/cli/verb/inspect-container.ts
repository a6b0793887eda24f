// punnet container inspect. docker/cli: cli/command/container/inspect.go.

import { objectFormat } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { inspectObjects } from '../inspect-objects.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  objectFormat,
  { name: 'size', short: 's', type: 'bool', help: 'Display total file sizes' },
];

export const run: Run = (context, { flags, positional }) =>
  inspectObjects(context, {
    names: positional,
    format: flags.text('format'),
    look: (name) => context.client.text('GET', `/containers/${name}/json`, { query: { size: flags.on('size') } }),
  });

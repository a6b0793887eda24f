// punnet volume create. docker/cli: cli/command/volume/create.go.

import type { Flag } from '../flag.ts';
import { readLabel, toObject } from '../option/key-value.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'driver', short: 'd', type: 'string', help: 'Specify volume driver name', initial: '"local"' },
  { name: 'label', type: 'list', help: 'Set metadata for a volume', read: readLabel },
  { name: 'opt', short: 'o', type: 'map', help: 'Set driver specific options', initial: 'map[]' },
];

export const examples = ['punnet volume create data', 'punnet volume create --label keep=yes data'];

export const run: Run = async (context, { flags, positional: [name = ''] }) => {
  const { Name } = await context.client.call<{ Name: string }>('POST', '/volumes/create', {
    body: {
      Driver: flags.text('driver', 'local'),
      DriverOpts: toObject(flags.all('opt')),
      Labels: toObject(flags.all('label')),
      Name: name,
    },
  });
  context.out.line(Name);
};

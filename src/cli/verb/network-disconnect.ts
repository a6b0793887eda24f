// punnet network disconnect. docker/cli: cli/command/network/disconnect.go.

import type { Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'force', short: 'f', type: 'bool', help: 'Force the container to disconnect from a network' },
];

export const examples = ['punnet network disconnect backend web'];

export const run: Run = async (context, { flags, positional: [network = '', container = ''] }) => {
  await context.client.call('POST', `/networks/${network}/disconnect`, {
    body: { Container: container, Force: flags.on('force') },
  });
};

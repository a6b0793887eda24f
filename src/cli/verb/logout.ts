// punnet logout: forgets the credentials of a registry. docker/cli: cli/command/registry/logout.go.

import { messageOf } from '../../base/errors.ts';
import { eraseCredentials } from '../credential-store.ts';
import type { Flag } from '../flag.ts';
import { serverName } from '../server-name.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [];

export const examples = ['punnet logout registry.example:5000'];

export const run: Run = async (context, { positional: [argument] }) => {
  const server = serverName(argument);
  context.out.line(`Removing login credentials for ${server}`);
  try {
    await eraseCredentials(await context.config(), server);
  } catch (error) {
    context.err.line(`WARNING: could not erase credentials:\n${messageOf(error)}`);
  }
};

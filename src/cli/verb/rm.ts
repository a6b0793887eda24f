// punnet rm: removes containers. docker/cli: cli/command/container/rm.go.

import { ApiError } from '../../api/client.ts';
import { forEachName } from '../each.ts';
import type { Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'force', short: 'f', type: 'bool', help: 'Force the removal of a running container (uses SIGKILL)' },
  { name: 'link', short: 'l', type: 'bool', help: 'Remove the specified link' },
  { name: 'volumes', short: 'v', type: 'bool', help: 'Remove anonymous volumes associated with the container' },
];

export const examples = ['punnet rm -f web', 'punnet rm $(punnet ps -aq -f status=exited)'];

export const run: Run = async (context, { flags, positional }) => {
  const force = flags.on('force');
  const query = { force, link: flags.on('link'), v: flags.on('volumes') };
  const remove = async (given: string) => {
    const name = given.replace(/^\/+|\/+$/g, '');
    if (name === '') throw new Error('container name cannot be empty');
    await context.client.call('DELETE', `/containers/${name}`, { query });
  };
  const forgive = (error: unknown) => force && error instanceof ApiError && error.status === 404;
  await forEachName(context, positional, remove, forgive);
};

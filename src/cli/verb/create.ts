// punnet create: makes a container and prints its id. docker/cli: cli/command/container/create.go.

import { containerConfig } from '../container-config.ts';
import { createContainer } from '../create-container.ts';
import { flagFailure } from '../exit.ts';
import type { Run } from '../verb.ts';
import { checkPull, containerFlags } from './run.flags.ts';

export const flags = containerFlags;

export const examples = ['punnet create --name web -m 64m busybox httpd -f'];

export const run: Run = async (context, { flags, positional }) => {
  let body;
  try {
    checkPull(flags.text('pull', 'missing'));
    body = containerConfig(flags, positional);
  } catch (error) {
    throw flagFailure(error, 'create');
  }
  const id = await createContainer(context, body, {
    name: flags.text('name'),
    platform: flags.text('platform', context.env.DOCKER_DEFAULT_PLATFORM ?? ''),
    pull: flags.text('pull', 'missing') || 'missing',
    quiet: flags.on('quiet'),
  });
  context.out.line(id);
};

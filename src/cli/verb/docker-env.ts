// punnet docker-env: what points every Docker client of a shell at punnet. Starts the daemon, so that it is there for them.

import type { Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [];

export const examples = ['eval "$(punnet docker-env)"'];

export const run: Run = async (context) => {
  await context.client.call('GET', '/version');
  // A context or certificates of another engine would have their say too.
  context.out.line('unset DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH');
  context.out.line(`export DOCKER_HOST='unix://${context.socketPath.replaceAll("'", "'\\''")}'`);
  context.out.line('# Run this command to configure your shell:');
  context.out.line('# eval "$(punnet docker-env)"');
};

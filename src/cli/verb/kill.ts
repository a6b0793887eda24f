// punnet kill: sends a signal, SIGKILL where none is named. docker/cli: cli/command/container/kill.go.

import { forEachName } from '../each.ts';
import type { Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [{ name: 'signal', short: 's', type: 'string', help: 'Signal to send to the container' }];

export const examples = ['punnet kill -s HUP web'];

export const run: Run = (context, { flags, positional }) =>
  forEachName(context, positional, (name) =>
    context.client.call('POST', `/containers/${name}/kill`, { query: { signal: flags.text('signal') } }),
  );

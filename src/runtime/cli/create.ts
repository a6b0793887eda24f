// punnet-runc create: the container is there, and its program waits for start.

import type { Call } from './commands.ts';
import { destroy } from './destroy.ts';
import { during } from './during.ts';
import { explainIfAsked, launch, release, type Launched } from './launch.ts';

export async function create(call: Call): Promise<number> {
  await explainIfAsked(
    call,
    during('create', () => make(call)),
  );
  return 0;
}

function make(call: Call): Launched {
  const launched = launch(call, { startedBy: 'fifo', foreground: false });
  try {
    release(launched);
    return launched;
  } catch (error) {
    destroy(call.settings, launched.record, launched.spec);
    throw error;
  }
}

// punnet-runc create: the container is there, and its program waits for start.

import type { Call } from './commands.ts';
import { destroy } from './destroy.ts';
import { explainIfAsked, launch, release } from './launch.ts';
import { during } from './during.ts';

export function create(call: Call): number {
  return during('create', () => {
    const launched = launch(call, { startedBy: 'fifo', foreground: false });
    try {
      release(launched);
    } catch (error) {
      destroy(call.settings, launched.record, launched.spec);
      throw error;
    }
    explainIfAsked(call, launched);
    return 0;
  });
}

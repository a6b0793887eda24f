// punnet-runc run: create, start, wait, delete. In the foreground it hands the program its signals and ends as it ends; it holds
// no lock meanwhile, so that others may kill, pause and join the container.

import type { Call } from './commands.ts';
import { destroy } from './destroy.ts';
import { during } from './during.ts';
import { runHooks } from './hooks.ts';
import { explainIfAsked, launch, release, type Launched } from './launch.ts';
import { hold } from './store.ts';

export async function run(call: Call): Promise<number> {
  const { settings, flags } = call;
  const detach = flags.bool('detach');
  const launched = during('run', () => start(call, detach));
  await explainIfAsked(call, launched);
  if (detach) return 0;
  const status = await wait(launched);
  if (!flags.bool('keep')) {
    // Somebody may have deleted it since its program ended.
    const held = hold(settings.root, launched.record.id);
    destroy(settings, launched.record, launched.spec);
    held.release();
  }
  return status;
}

function start(call: Call, detach: boolean): Launched {
  const launched = launch(call, { startedBy: 'release', foreground: !detach });
  try {
    if (!detach && launched.terminal === undefined) launched.walk.forwardSignals();
    release(launched);
  } catch (error) {
    destroy(call.settings, launched.record, launched.spec);
    launched.held.release();
    throw error;
  }
  launched.held.release();
  runHooks('poststart', launched.spec, launched.record, call.settings);
  return launched;
}

async function wait({ walk, terminal }: Launched): Promise<number> {
  if (terminal === undefined) return walk.waitHere();
  const { relay } = await import('./relay.ts');
  return await relay(walk, terminal);
}

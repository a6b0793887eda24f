// punnet attach: joins this terminal to a running container. docker/cli: cli/command/container/attach.go.

import type { Context } from '../context.ts';
import { Exit } from '../exit.ts';
import type { Flag } from '../flag.ts';
import { join } from '../stream/join.ts';
import { catchSignals } from '../stream/signals.ts';
import { followWindow, nudgeWindow } from '../stream/window.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'detach-keys', type: 'string', help: 'Override the key sequence for detaching a container' },
  { name: 'no-stdin', type: 'bool', help: 'Do not attach STDIN' },
  { name: 'sig-proxy', type: 'bool', help: 'Proxy all received signals to the process', initial: 'true' },
];

export const examples = ['punnet attach --detach-keys ctrl-x web'];

interface Inspected {
  Id: string;
  Config: { Tty: boolean; OpenStdin: boolean };
  State: { Running: boolean; Paused: boolean; Restarting: boolean };
}

export const run: Run = async (context, { flags, positional: [name = ''] }) => {
  const container = await attachable(context, name);
  const { Tty: tty, OpenStdin: open } = container.Config;
  const noStdin = flags.on('no-stdin');
  if (!noStdin && tty && !context.inputIsTerminal) throw new Error('the input device is not a TTY');
  const detachKeys = flags.text('detach-keys') || ((await context.config()).detachKeys ?? '');
  catchSignals(context, name, flags.on('sig-proxy', true) && !tty);
  const waiting = await context.client.later('POST', `/containers/${name}/wait`);
  const stdin = !noStdin && open;
  const hijacked = await context.client.hijack(`/containers/${name}/attach`, {
    query: { detachKeys, stderr: true, stdin, stdout: true, stream: true },
  });
  // Again, because a container that stopped between the two questions would leave this attached to nothing.
  await attachable(context, name);
  if (tty && context.out.isTerminal) await nudgeWindow(context, name);
  const joined = await join(context, hijacked, { tty, stdin, stdout: true, stderr: true, detachKeys });
  const unfollow = tty ? followWindow(context, `/containers/${name}`) : () => {};
  try {
    if ((await joined.ended) === 'detached') throw new Exit(1, 'read escape sequence');
    const answer = JSON.parse(await waiting.text) as {
      StatusCode: number;
      Error?: { Message?: string } | null;
    };
    if (answer.Error?.Message) throw new Error(answer.Error.Message);
    if (answer.StatusCode !== 0) throw new Exit(answer.StatusCode);
  } finally {
    unfollow();
    joined.leave();
  }
};

async function attachable(context: Context, name: string): Promise<Inspected> {
  const container = await context.client.call<Inspected>('GET', `/containers/${name}/json`);
  const cannot = (state: string, mend: string) => new Error(`You cannot attach to a ${state} container, ${mend}`);
  if (!container.State.Running) throw cannot('stopped', 'start it first');
  if (container.State.Paused) throw cannot('paused', 'unpause it first');
  if (container.State.Restarting) throw cannot('restarting', 'wait until it is running');
  return container;
}

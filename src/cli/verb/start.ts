// punnet start: starts stopped containers, or one with this terminal joined to it.
// docker/cli: cli/command/container/start.go.

import type { Context } from '../context.ts';
import { Exit } from '../exit.ts';
import type { Flag, Flags } from '../flag.ts';
import { textOf } from '../exit.ts';
import { join } from '../stream/join.ts';
import { catchSignals } from '../stream/signals.ts';
import { awaitExit } from '../stream/wait.ts';
import { followWindow } from '../stream/window.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'attach', short: 'a', type: 'bool', help: 'Attach STDOUT/STDERR and forward signals' },
  { name: 'detach-keys', type: 'string', help: 'Override the key sequence for detaching a container' },
  { name: 'interactive', short: 'i', type: 'bool', help: "Attach container's STDIN" },
];

export const examples = ['punnet start web', 'punnet start -ai shell'];

export const run: Run = async (context, { flags, positional }) => {
  if (flags.on('attach') || flags.on('interactive')) {
    if (positional.length > 1) throw new Error('you cannot start and attach multiple containers at once');
    await startAttached(context, positional[0]!, flags);
    return;
  }
  const failed: string[] = [];
  for (const name of positional) {
    try {
      await context.client.call('POST', `/containers/${name}/start`);
      context.out.line(name);
    } catch (error) {
      context.err.line(textOf(error));
      failed.push(name);
    }
  }
  if (failed.length > 0) throw new Error(`Error: failed to start containers: ${failed.join(', ')}`);
};

interface Inspected {
  Id: string;
  Config: { Tty: boolean; OpenStdin: boolean };
  HostConfig: { AutoRemove: boolean };
}

async function startAttached(context: Context, name: string, flags: Flags): Promise<void> {
  const { Id: id, Config, HostConfig } = await context.client.call<Inspected>('GET', `/containers/${name}/json`);
  catchSignals(context, id, !Config.Tty);
  const detachKeys = flags.text('detach-keys') || ((await context.config()).detachKeys ?? '');
  const stdin = flags.on('interactive') && Config.OpenStdin;
  const connection = context.client.hijack(`/containers/${id}/attach`, {
    query: { detachKeys, stderr: true, stdin, stdout: true, stream: true },
  });
  const [hijacked, waiting] = await Promise.all([connection, awaitExit(context, id, HostConfig.AutoRemove)]);
  const joined = await join(context, hijacked, { tty: Config.Tty, stdin, stdout: true, stderr: true, detachKeys });
  try {
    try {
      await context.client.call('POST', `/containers/${id}/start`);
    } catch (error) {
      joined.leave();
      if (HostConfig.AutoRemove) await waiting.status;
      throw error;
    }
    const unfollow = Config.Tty ? followWindow(context, `/containers/${id}`) : () => {};
    const how = await joined.ended;
    unfollow();
    if (how === 'detached') return;
    const status = await waiting.status;
    if (status !== 0) throw new Exit(status);
  } finally {
    joined.leave();
  }
}

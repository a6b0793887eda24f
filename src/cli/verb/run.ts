// punnet run: create, attach, wait, start, in this order, so that no byte and no exit code is missed.
// Runs in the CLI, as the user. docker/cli: cli/command/container/run.go.

import type { ExplainedOp } from '../../base/explained-op.ts';
import type { CreateBody } from '../../api/types.ts';
import { containerConfig } from '../container-config.ts';
import type { Context } from '../context.ts';
import { createContainer } from '../create-container.ts';
import { Exit, flagFailure, startFailure } from '../exit.ts';
import type { Flags } from '../flag.ts';
import { join, type Joined } from '../stream/join.ts';
import { catchSignals } from '../stream/signals.ts';
import { awaitExit } from '../stream/wait.ts';
import { followWindow } from '../stream/window.ts';
import type { Run } from '../verb.ts';
import { showExplanation } from '../option/explain.ts';
import { checkPull, runFlags } from './run.flags.ts';

export const flags = runFlags;

export const examples = [
  'punnet run --rm busybox echo hello',
  'punnet run --rm -it alpine sh',
  'punnet run --rm --explain busybox true',
  'punnet run -d --name web -m 64m --cpus 0.5 busybox httpd -f',
];

export const run: Run = async (context, { flags, positional }) => {
  let body: CreateBody;
  try {
    checkPull(flags.text('pull', 'missing'));
    body = containerConfig(flags, positional);
  } catch (error) {
    throw flagFailure(error, 'run');
  }
  if (flags.on('detach')) {
    if (flags.changed('attach')) throw new Error('conflicting options: cannot specify both --attach and --detach');
    Object.assign(body, { AttachStdin: false, AttachStdout: false, AttachStderr: false, StdinOnce: false });
  } else if (body.AttachStdin && body.Tty && !context.inputIsTerminal) {
    throw new Error('the input device is not a TTY');
  }
  const creating = createContainer(context, body, {
    name: flags.text('name'),
    platform: flags.text('platform', context.env.DOCKER_DEFAULT_PLATFORM ?? ''),
    pull: flags.text('pull', 'missing') || 'missing',
    quiet: flags.on('quiet'),
  });
  context.client.dialAhead(2); // attach and start; wait goes on with the connection of create
  const id = await asStartFailure(creating);
  if (body.AttachStdin || body.AttachStdout || body.AttachStderr) await attached(context, { id, body, flags });
  else await detached(context, { id, body, flags });
};

async function detached(context: Context, { id, body, flags }: Running): Promise<void> {
  context.out.line(id);
  const waiting = await awaitExitOf(context, id, body);
  try {
    showExplanation(context, flags, await startContainer(context, id, flags));
  } catch (error) {
    if (body.HostConfig?.AutoRemove) await waiting.status;
    throw startFailure(error, 'run');
  }
}

async function startContainer(context: Context, id: string, flags: Flags): Promise<ExplainedOp[] | undefined> {
  const query = flags.last('explain', undefined) === undefined ? {} : { explain: true };
  const starting = context.client.call<ExplainedOp[] | undefined>('POST', `/containers/${id}/start`, { query });
  // While the daemon is at work: two dozen signals take a millisecond.
  catchSignals(context, id, flags.on('sig-proxy', true));
  return starting;
}

const awaitExitOf = (context: Context, id: string, body: CreateBody) =>
  awaitExit(context, id, body.HostConfig?.AutoRemove ?? false);

interface Running {
  id: string;
  body: CreateBody;
  flags: Flags;
}

async function attached(context: Context, { id, body, flags }: Running): Promise<void> {
  const detachKeys = flags.text('detach-keys') || ((await configuredKeys(context, body)) ?? '');
  const tty = body.Tty ?? false;
  const stdin = body.AttachStdin ?? false;
  const stdout = body.AttachStdout ?? false;
  const stderr = body.AttachStderr ?? false;
  const connection = context.client.hijack(`/containers/${id}/attach`, {
    query: { detachKeys, stderr, stdin, stdout, stream: true },
  });
  // Both before start: the waiter, because a short program may be gone before a later one is registered.
  const [hijacked, waiting] = await Promise.all([connection, awaitExitOf(context, id, body)]);
  const joined = await join(context, hijacked, { tty, stdin, stdout, stderr, detachKeys });
  try {
    const ops = await start(context, { id, body, flags, joined, status: waiting.status });
    const unfollow = tty ? followWindow(context, `/containers/${id}`) : () => {};
    const status = await ending({ joined, status: waiting.status, output: stdout || stderr });
    unfollow();
    showExplanation(context, flags, ops);
    if (status !== 0) throw new Exit(status);
  } finally {
    joined.leave();
  }
}

async function start(
  context: Context,
  { id, body, flags, joined, status }: Running & { joined: Joined; status: Promise<number> },
): Promise<ExplainedOp[] | undefined> {
  try {
    return await startContainer(context, id, flags);
  } catch (error) {
    joined.leave();
    if (body.HostConfig?.AutoRemove) await status;
    throw startFailure(error, 'run');
  }
}

/** The exit status once all output is here; 0 when the user detached. */
async function ending(run: { joined: Joined; status: Promise<number>; output: boolean }): Promise<number> {
  const first = await Promise.race([run.joined.ended, run.status]);
  if (first === 'detached') return 0;
  if (first === 'closed' || !run.output) return run.status;
  // The container has ended: what it wrote may still be under way.
  await run.joined.ended;
  return run.status;
}

/** `detachKeys` of ~/.docker/config.json; read only where keys can be pressed. */
async function configuredKeys(context: Context, body: CreateBody): Promise<string | undefined> {
  return body.Tty && body.AttachStdin ? (await context.config()).detachKeys : undefined;
}

async function asStartFailure<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw startFailure(error, 'run');
  }
}

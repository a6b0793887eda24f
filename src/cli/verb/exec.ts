// punnet exec: runs a command in a running container. docker/cli: cli/command/container/exec.go.

import type { ExecBody, ExecStartBody } from '../../api/types.ts';
import type { Context } from '../context.ts';
import { Exit } from '../exit.ts';
import type { Flag, Flags } from '../flag.ts';
import { readEnv, readKeyValueFile } from '../option/key-value.ts';
import { join } from '../stream/join.ts';
import { followWindow } from '../stream/window.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'detach', short: 'd', type: 'bool', help: 'Detached mode: run command in the background' },
  { name: 'detach-keys', type: 'string', help: 'Override the key sequence for detaching a container' },
  { name: 'env', short: 'e', type: 'list', help: 'Set environment variables', read: readEnv },
  { name: 'env-file', type: 'list', help: 'Read in a file of environment variables' },
  { name: 'interactive', short: 'i', type: 'bool', help: 'Keep STDIN open even if not attached' },
  { name: 'privileged', type: 'bool', help: 'Give extended privileges to the command' },
  { name: 'tty', short: 't', type: 'bool', help: 'Allocate a pseudo-TTY' },
  { name: 'user', short: 'u', type: 'string', help: 'Username or UID (format: "<name|uid>[:<group|gid>]")' },
  { name: 'workdir', short: 'w', type: 'string', help: 'Working directory inside the container' },
];

export const examples = ['punnet exec -it web sh', 'punnet exec -u app -w /srv -e DEBUG=1 web ls'];

export const run: Run = async (context, { flags, positional: [name = '', ...command] }) => {
  const body = await bodyOf(context, flags, command);
  const { AttachStdin: stdin = false, Tty: tty = false } = body;
  // Before the exec is made, so that none is left behind when there is no container or no terminal.
  await context.client.call('GET', `/containers/${name}/json`);
  const detached = flags.on('detach');
  if (!detached && stdin && tty && !context.inputIsTerminal) throw new Error('the input device is not a TTY');
  const size = consoleSize(context, tty);
  const { Id: id } = await context.client.call<{ Id: string }>('POST', `/containers/${name}/exec`, {
    body: { ...body, ...size },
  });
  const start: ExecStartBody = { Detach: detached, Tty: tty, ...(detached ? {} : size) };
  if (detached) {
    await context.client.call('POST', `/exec/${id}/start`, { body: start });
    return;
  }
  await attached(context, { id, body, start });
  const { ExitCode: status } = await context.client.call<{ ExitCode: number | null }>('GET', `/exec/${id}/json`);
  if (status) throw new Exit(status);
};

async function attached(
  context: Context,
  { id, body, start }: { id: string; body: ExecBody; start: ExecStartBody },
): Promise<void> {
  const { AttachStdin: stdin = false, Tty: tty = false, DetachKeys: detachKeys = '' } = body;
  const hijacked = await context.client.hijack(`/exec/${id}/start`, { body: start });
  const joined = await join(context, hijacked, { tty, stdin, stdout: true, stderr: true, detachKeys });
  const unfollow = tty && context.inputIsTerminal ? followWindow(context, `/exec/${id}`) : () => {};
  try {
    if ((await joined.ended) === 'detached') throw new Exit(0, 'read escape sequence');
  } finally {
    unfollow();
    joined.leave();
  }
}

async function bodyOf(context: Context, flags: Flags, command: string[]): Promise<ExecBody> {
  const files = flags.all<string>('env-file').flatMap((path) => readKeyValueFile(path, (key) => process.env[key]));
  const env = [...files, ...flags.all<string>('env')];
  const attach = !flags.on('detach');
  return {
    User: flags.text('user'),
    Privileged: flags.on('privileged'),
    Tty: flags.on('tty'),
    AttachStdin: attach && flags.on('interactive'),
    AttachStdout: attach,
    AttachStderr: attach,
    DetachKeys: flags.text('detach-keys') || ((await context.config()).detachKeys ?? ''),
    Env: env.length > 0 ? env : null,
    WorkingDir: flags.text('workdir'),
    Cmd: command,
  };
}

/** The size of this terminal, so that the program's first question about it is answered right. */
function consoleSize(context: Context, tty: boolean): { ConsoleSize?: [number, number] } {
  if (!tty || !context.out.isTerminal) return {};
  const { rows, columns } = context.out.size();
  return { ConsoleSize: [rows, columns] };
}

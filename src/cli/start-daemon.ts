// Starts the daemon where none listens: runs bin/punnetd, which returns once it does. Runs in the CLI, as the user.
// Its stderr is the error; a daemon that was started this way ends by itself when nothing runs.

import { spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Context } from './context.ts';
import { Exit } from './exit.ts';

/** Seconds without clients and containers after which a daemon that nobody asked for ends. */
const IDLE = '600';

/** The launcher beside this program: dist/punnet.cjs and bin/punnetd lie in one checkout. */
export function daemonProgram(): string {
  return join(dirname(realpathSync(process.argv[1]!)), '../bin/punnetd');
}

/** @throws Exit 1 with what the launcher said */
export async function startDaemon({ err, env }: Pick<Context, 'err' | 'env'>): Promise<void> {
  if (err.isTerminal) err.write('Starting punnetd…\r');
  const program = daemonProgram();
  const said: Buffer[] = [];
  const code = await new Promise<number>((resolve, reject) => {
    const child = spawn(program, [], { stdio: ['ignore', 'ignore', 'pipe'], env: { PUNNET_IDLE: IDLE, ...env } });
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
    child.once('error', reject);
    // 'exit' and not 'close': the daemon may keep the pipe open after the launcher has ended.
    child.once('exit', (status) => setImmediate(() => resolve(status ?? 1)));
  });
  if (err.isTerminal) err.write('\x1b[2K');
  const text = Buffer.concat(said).toString('utf8').trimEnd();
  if (code !== 0) throw new Exit(1, text || `${program} ended with ${code}`);
  if (text !== '') err.line(text);
}

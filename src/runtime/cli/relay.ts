// Between the user's terminal and the container's, for run and exec in the foreground: keys in, output out, sizes and signals on.
// Runs in punnet-runc, outside the container. ioctl_tty(2), pty(7)

import { closeSync, createReadStream, createWriteStream } from 'node:fs';
import { constants } from 'node:os';
import { ReadStream } from 'node:tty';
import { errnoOf } from '../../base/errors.ts';
import * as k from '../../native/constants.ts';
import { walk as walkPlan, type Walk } from '../../native/walk.ts';

const FORWARDED = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGTSTP'] as const;

/**
 * Until the program has ended and all that it wrote has been shown. @returns its exit status
 * @throws the errno of reading the terminal
 */
export async function relay(walk: Walk, master: number): Promise<number> {
  for (const signal of FORWARDED) process.on(signal, () => walk.kill(constants.signals[signal]));
  const terminal = process.stdin.isTTY ? (process.stdin as ReadStream) : undefined;
  const resize = () => setSize(master, process.stdout.columns, process.stdout.rows);
  if (process.stdout.isTTY) {
    resize();
    process.stdout.on('resize', resize);
  }
  terminal?.setRawMode(true);
  const output = createReadStream('', { fd: master, autoClose: false });
  const input = createWriteStream('', { fd: master, autoClose: false });
  process.stdin.on('data', (keys: Buffer) => input.write(keys));
  const shown = new Promise<void>((resolve, reject) => {
    output.on('data', (bytes) => process.stdout.write(bytes));
    output.once('end', resolve);
    // The other end is closed: that is how a terminal says so.
    output.once('error', (error) => (errnoOf(error) === 'EIO' ? resolve() : reject(error)));
  });
  const { exitCode } = await walk.wait();
  await shown;
  terminal?.setRawMode(false);
  process.stdin.pause();
  closeSync(master);
  return exitCode;
}

/* struct winsize: rows and columns, 16 bits each; the pixels stay 0. */
function setSize(master: number, columns: number, rows: number): void {
  const arg = rows + columns * 0x10000;
  walkPlan(
    { ops: [{ who: 'parent', op: 'ioctl', fd: 0, request: k.TIOCSWINSZ, arg, pointer: true }] },
    { slots: { 0: master } },
  );
}

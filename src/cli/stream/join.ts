// Joins this terminal to an attached connection: output out, input in, half-close at its end, raw mode and detach keys on
// a tty. Runs in the CLI, as the user. Engine API ContainerAttach; termios(3) through Node's tty.

import type { Hijacked } from '../../api/client.ts';
import { demultiplexer } from '../../api/demultiplex.ts';
import { messageOf } from '../../base/errors.ts';
import type { Context } from '../context.ts';
import { DEFAULT_DETACH_KEYS, detachWatcher, readDetachKeys } from './detach-keys.ts';

export interface JoinOptions {
  /** one raw stream instead of frames */
  tty: boolean;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** `ctrl-p,ctrl-q`; empty: that */
  detachKeys: string;
}

export interface Joined {
  /** how the streams ended: the container closed them, or the user pressed the detach keys */
  ended: Promise<'closed' | 'detached'>;
  /** Gives the terminal back. The connection ends with this process, which has nothing else to do. */
  leave: () => void;
}

/** Starts to copy; nothing is lost between attach and start. */
export async function join(context: Context, { socket }: Hijacked, options: JoinOptions): Promise<Joined> {
  const output = options.stdout || options.stderr;
  // Loaded where it is needed, because node:child_process takes its time.
  const restore = options.stdin && options.tty ? (await import('./raw-mode.ts')).rawMode(context) : () => {};
  const write = demultiplexer((stream, data) => {
    if (stream === 'stderr') {
      if (options.stderr) context.err.write(data);
    } else if (options.stdout) context.out.write(data);
  });
  const ended = new Promise<'closed' | 'detached'>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      if (options.tty) {
        if (output) context.out.write(chunk);
        return;
      }
      try {
        write(chunk);
      } catch (error) {
        reject(error as Error);
      }
    });
    // A reset at the end is the daemon's way to close after the last byte: the exit code tells what happened.
    socket.on('error', () => resolve('closed'));
    socket.on('end', () => resolve('closed'));
    socket.on('close', () => resolve('closed'));
    if (options.stdin)
      pumpInput(context, socket, options, (how) => (how === 'detached' || !output ? resolve(how) : undefined));
    socket.resume();
  });
  return { ended: ended.finally(restore), leave: restore };
}

function pumpInput(
  context: Context,
  socket: Hijacked['socket'],
  { tty, detachKeys }: JoinOptions,
  done: (how: 'closed' | 'detached') => void,
): void {
  const watch = tty ? detachWatcher(keysOf(context, detachKeys)) : undefined;
  const input = process.stdin;
  const finish = (how: 'closed' | 'detached') => {
    input.removeAllListeners('data');
    input.pause();
    done(how);
  };
  input.on('data', (chunk: Buffer) => {
    const { pass, detached } = watch?.(chunk) ?? { pass: chunk, detached: false };
    if (pass.length > 0 && !socket.write(pass)) {
      input.pause();
      socket.once('drain', () => input.resume());
    }
    if (detached) finish('detached');
  });
  input.once('end', () => {
    socket.end();
    finish('closed');
  });
  input.once('error', () => {
    socket.end();
    finish('closed');
  });
}

function keysOf(context: Context, text: string): Uint8Array {
  if (text === '') return DEFAULT_DETACH_KEYS;
  try {
    return readDetachKeys(text);
  } catch (error) {
    context.err.line(`WARNING: invalid detach escape keys, using default: ${messageOf(error)}`);
    return DEFAULT_DETACH_KEYS;
  }
}

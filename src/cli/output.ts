// Writes to a descriptor of the program at once, without Node's streams, which cost more to set up than a container's
// output. A reader that went away ends the program as SIGPIPE would. Runs in the CLI. write(2), EAGAIN, EPIPE.

import { writeSync } from 'node:fs';
import { isatty, WriteStream } from 'node:tty';
import { errnoOf } from '../base/errors.ts';

export class Output {
  readonly fd: 1 | 2;
  private terminal: boolean | undefined;

  constructor(fd: 1 | 2) {
    this.fd = fd;
  }

  get isTerminal(): boolean {
    return (this.terminal ??= isatty(this.fd));
  }

  line(text: string): void {
    this.write(`${text}\n`);
  }

  write(data: string | Uint8Array): void {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    for (let at = 0; at < bytes.length;) {
      try {
        at += writeSync(this.fd, bytes, at);
      } catch (error) {
        if (errnoOf(error) === 'EPIPE') process.exit(128 + 13);
        if (errnoOf(error) !== 'EAGAIN') throw error;
        // Somebody made this descriptor non-blocking and its reader is slow: give it a moment.
        Atomics.wait(PAUSE, 0, 0, 2);
      }
    }
  }

  /** Rows and columns of the terminal; zeros where there is none. */
  size(): { rows: number; columns: number } {
    if (!this.isTerminal) return { rows: 0, columns: 0 };
    const stream = this.fd === 1 ? process.stdout : process.stderr;
    if (!(stream instanceof WriteStream)) return { rows: 0, columns: 0 };
    stream._refreshSize?.();
    return { rows: stream.rows ?? 0, columns: stream.columns ?? 0 };
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4));

declare module 'node:tty' {
  interface WriteStream {
    /** Reads the size of the terminal anew (Node's own SIGWINCH handler). */
    _refreshSize?: () => void;
  }
}

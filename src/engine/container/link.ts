// Joins a client's connection to a shim: output of the shim flows to the client, the client's bytes become stdin. Runs in
// the daemon. moby: daemon/internal/stream/attach.go.

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { FROM_SHIM, TO_SHIM } from '../../native/shim-protocol.ts';
import { DEFAULT_DETACH_KEYS, DetachWatch } from './detach.ts';
import type { Shim } from './shim.ts';
import { FrameDecoder, encodeFrame } from './shim-frames.ts';

export interface LinkOptions {
  /** the program has a terminal */
  tty: boolean;
  /** output goes out in Docker's frames, else as bare bytes */
  framed: boolean;
  /** what the client sends is for the program */
  stdin: boolean;
  /** the end of what the client sends is the end of the program's input */
  stdinOnce: boolean;
  stdout: boolean;
  stderr: boolean;
  /** raw bytes; undefined: Docker's own */
  detachKeys: string | undefined;
  /** the client's connection is closed no earlier than this: what it asks for next is known by then */
  settled?: Promise<unknown>;
}

export class Link {
  /** the two have parted */
  readonly done: Promise<void>;
  /** the client pressed the detach keys */
  detached = false;
  readonly #client: Duplex;
  readonly #options: LinkOptions;
  #shim: Socket | undefined;
  #finish!: () => void;

  constructor(client: Duplex, options: LinkOptions) {
    this.#client = client;
    this.#options = options;
    this.done = new Promise((resolve) => (this.#finish = resolve));
    client.once('close', () => this.#part());
    client.on('error', () => client.destroy());
    // Not yet joined, the client is read only to notice its end.
    if (!options.stdin) client.resume();
  }

  /** There will be nothing to join: lets the client go. */
  cancel(): void {
    this.#client.end();
    this.#part();
  }

  /** Subscribes at the shim; resolves when the shim will send every byte from now on. */
  join(shim: Shim): Promise<void> {
    if (this.#client.destroyed) return Promise.resolve();
    const connection = shim.connect();
    this.#shim = connection;
    return new Promise((subscribed) => {
      const decoder = new FrameDecoder(
        {
          output: (bytes) => {
            // Back-pressure reaches the container: a client that does not read stops its output, as in Docker.
            if (!this.#client.write(bytes)) connection.pause();
          },
          control: (type) => {
            if (type === FROM_SHIM.subscribed) subscribed();
            else if (type === FROM_SHIM.exit || type === FROM_SHIM.failed) connection.end();
          },
        },
        this.#options.framed,
      );
      this.#client.on('drain', () => connection.resume());
      connection.on('data', (chunk: Buffer) => {
        try {
          decoder.push(chunk);
        } catch {
          connection.destroy();
        }
      });
      connection.on('error', () => connection.destroy());
      connection.on('end', () => connection.end());
      connection.once('close', () => {
        subscribed();
        void this.#close();
      });
      const streams = (this.#options.stdout ? 1 : 0) | (this.#options.stderr ? 2 : 0);
      connection.write(encodeFrame(TO_SHIM.subscribe, [streams]));
      if (this.#options.stdin) this.#readStdin(connection);
    });
  }

  async #close(): Promise<void> {
    if (!this.detached && this.#options.settled !== undefined) await this.#options.settled;
    this.#client.end();
    this.#part();
  }

  #readStdin(connection: Socket): void {
    const { tty, stdinOnce, detachKeys } = this.#options;
    const watch = tty ? new DetachWatch(detachKeys ?? DEFAULT_DETACH_KEYS) : undefined;
    const client = this.#client;
    connection.on('drain', () => client.resume());
    client.on('data', (chunk: Buffer) => {
      const { pass, detached } = watch?.push(chunk) ?? { pass: chunk, detached: false };
      if (pass.length > 0 && !connection.write(encodeFrame(TO_SHIM.stdin, pass))) client.pause();
      if (!detached) return;
      this.detached = true;
      connection.destroy();
    });
    client.once('end', () => {
      // Stdin that is open to later clients stays so. A terminal whose client hung up has nobody left to show it; without a
      // terminal, a client that has said all may still listen.
      if (stdinOnce && !tty) connection.write(encodeFrame(TO_SHIM.closeStdin));
      else if (tty) connection.end();
    });
  }

  #part(): void {
    this.#shim?.end();
    this.#finish();
  }
}

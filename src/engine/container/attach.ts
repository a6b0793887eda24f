// Joins a client's connection to a container: output of the shim flows to the client, the client's bytes become stdin.
// Before the start a client waits here; the start subscribes all of them before the first byte of output exists.
// Runs in the daemon. moby: daemon/attach.go, daemon/internal/stream/attach.go.

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { AttachOptions } from '../../api/backend.ts';
import { PunnetError, conflict } from '../../base/errors.ts';
import { FROM_SHIM, TO_SHIM } from '../../native/shim-protocol.ts';
import type { Container } from './container.ts';
import { DEFAULT_DETACH_KEYS, DetachWatch } from './detach.ts';
import { readLogs } from './logs.ts';
import type { Room } from './room.ts';
import type { Shim } from './shim.ts';
import { FrameDecoder, encodeFrame } from './shim-frames.ts';

/** A client that waits for the start. */
export interface PendingAttach {
  /** Subscribes at the shim; resolves when the shim will send every byte from now on. */
  join(shim: Shim): Promise<void>;
  /** There will be no start: lets the client go. */
  cancel(): void;
}

/** Checks, takes over the connection with `open`, and resolves when the two have parted. @throws notFound, conflict */
export async function attach(room: Room, id: string, options: AttachOptions, open: () => Duplex): Promise<void> {
  const container = room.store.get(id);
  if (container.state.status === 'restarting') {
    throw conflict(`container ${id} is restarting, wait until the container is running`);
  }
  const client = open();
  const gone = new AbortController();
  client.once('close', () => gone.abort());
  if (options.logs) {
    const replay = {
      follow: false,
      stdout: options.stdout,
      stderr: options.stderr,
      timestamps: false,
      signal: gone.signal,
    };
    await readLogs(room, container, replay, client).catch((error: unknown) => {
      if (!(error instanceof PunnetError)) throw error;
    });
  }
  room.publish(container, 'attach');
  if (!options.stream) {
    client.end();
    return;
  }
  const link = new Link(container, client, options);
  if (container.shim !== undefined && container.state.status === 'running') {
    await link.join(container.shim);
  } else {
    container.attaching.add(link);
    client.once('close', () => container.attaching.delete(link));
  }
  await link.done;
  if (link.detached) room.publish(container, 'detach');
}

class Link implements PendingAttach {
  readonly done: Promise<void>;
  detached = false;
  readonly #container: Container;
  readonly #client: Duplex;
  readonly #options: AttachOptions;
  #shim: Socket | undefined;
  #finish!: () => void;

  constructor(container: Container, client: Duplex, options: AttachOptions) {
    this.#container = container;
    this.#client = client;
    this.#options = options;
    this.done = new Promise((resolve) => (this.#finish = resolve));
    client.once('close', () => this.#part());
    client.on('error', () => client.destroy());
    // Not yet joined, the client is read only to notice its end.
    if (!this.#takesStdin) client.resume();
  }

  get #takesStdin(): boolean {
    return this.#options.stdin && this.#container.record.config.OpenStdin === true;
  }

  cancel(): void {
    this.#client.end();
    this.#part();
  }

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
        !this.#container.tty,
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
        this.#client.end();
        this.#part();
      });
      const streams = (this.#options.stdout ? 1 : 0) | (this.#options.stderr ? 2 : 0);
      connection.write(encodeFrame(TO_SHIM.subscribe, [streams]));
      if (this.#takesStdin) this.#readStdin(connection);
    });
  }

  #readStdin(connection: Socket): void {
    const { Tty, StdinOnce } = this.#container.record.config;
    const watch = Tty ? new DetachWatch(this.#options.detachKeys ?? DEFAULT_DETACH_KEYS) : undefined;
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
      if (StdinOnce && !Tty) connection.write(encodeFrame(TO_SHIM.closeStdin));
      else if (Tty) connection.end();
    });
  }

  #part(): void {
    this.#container.attaching.delete(this);
    this.#shim?.end();
    this.#finish();
  }
}

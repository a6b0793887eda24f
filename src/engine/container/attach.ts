// `attach`: a client's connection and a container become one. Before the start a client waits here; the start subscribes all of
// them before the first byte of output exists. Runs in the daemon. moby: daemon/attach.go.

import type { Duplex } from 'node:stream';
import type { AttachOptions } from '../../api/backend.ts';
import { PunnetError, conflict } from '../../base/errors.ts';
import { Link } from './link.ts';
import { readLogs } from './logs.ts';
import type { Room } from './room.ts';

/** Checks, takes over the connection with `open`, and resolves when the two have parted. @throws notFound, conflict */
export async function attach(room: Room, id: string, options: AttachOptions, open: () => Duplex): Promise<void> {
  const container = room.store.get(id);
  if (container.state.status === 'restarting') {
    throw conflict(`container ${id} is restarting, wait until the container is running`);
  }
  if (container.state.status === 'paused') {
    throw conflict(`container ${id} is paused, unpause the container before attach`);
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
      details: false,
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
  const { OpenStdin, StdinOnce = false } = container.record.config;
  const link = new Link(client, {
    ...options,
    tty: container.tty,
    framed: !container.tty,
    stdin: options.stdin && OpenStdin === true,
    stdinOnce: StdinOnce,
  });
  if (container.shim !== undefined && container.state.status === 'running') {
    await link.join(container.shim);
  } else {
    container.attaching.add(link);
  }
  await link.done;
  container.attaching.delete(link);
  if (link.detached) room.publish(container, 'detach');
}

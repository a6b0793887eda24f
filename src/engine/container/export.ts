// `export`: the whole root of a container as one archive. Runs in the daemon. moby: daemon/export.go

import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Container } from './container.ts';
import type { Room } from './room.ts';
import { withRoot } from './root-place.ts';

/** `open` is called once the archive is about to begin. */
export async function exportRoot(
  room: Room,
  container: Container,
  { open, signal }: { open(): Writable; signal: AbortSignal },
): Promise<void> {
  await withRoot(room, container, { kind: 'export' }, (socket) => pipeline(socket, open(), { signal }));
  room.publish(container, 'export');
}

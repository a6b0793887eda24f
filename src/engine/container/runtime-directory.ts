// What a container needs only while it runs, or until the machine does not: plan, pids, socket and report of its shim, and the
// files that are bound over the image's /etc. In the daemon's runtime directory, which is memory on most hosts: files there
// cost a tenth of files on disk. What must outlive the machine lies in the container's own directory. Runs in the daemon.

import { join } from 'node:path';
import type { Room } from './room.ts';

/** Half the id: the path of a unix socket has 107 bytes. unix(7) */
export function runtimeDirectory({ runtimeDirectory }: Room, id: string): string {
  return join(runtimeDirectory, id.slice(0, 32));
}

/** Where the shim of a container listens. */
export function shimSocket(room: Room, id: string): string {
  return join(runtimeDirectory(room, id), 'sock');
}

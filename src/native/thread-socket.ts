// Bytes between the main thread and a worker that may block: a stream at one end, a descriptor at the other. Back-pressure is
// the kernel's. Runs in the daemon. socketpair(2)

import { Socket } from 'node:net';
import { socketpair } from './addon.ts';

/** `fd` is close-on-exec and blocking; whoever gets it closes it. */
export function threadSocket(): { socket: Socket; fd: number } {
  const [ours, fd] = socketpair();
  return { socket: new Socket({ fd: ours, readable: true, writable: true }), fd };
}

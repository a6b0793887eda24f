// `resize` of a container's tty. Runs in the daemon. tty_ioctl(4), TIOCSWINSZ. moby: daemon/resize.go.

import type { Container } from './container.ts';
import type { Room } from './room.ts';
import { requireRunning } from './stop.ts';

/** @throws conflict when it does not run */
export function resize(room: Room, container: Container, size: { rows: number; columns: number }): void {
  requireRunning(container);
  container.shim?.resize(size.rows, size.columns);
  room.publish(container, 'resize', { height: String(size.rows), width: String(size.columns) });
}

// `resize` of an exec's tty. A client sends it right behind the start, so it may come before. Runs in the daemon.
// tty_ioctl(4), TIOCSWINSZ. moby: daemon/resize.go, ContainerExecResize.

import { internal } from '../../base/errors.ts';
import type { Room } from '../container/room.ts';
import { within } from '../container/stop.ts';

const PATIENCE_MS = 10_000;

/** @throws notFound; internal when it does not start within ten seconds */
export async function resizeExec(room: Room, id: string, size: { rows: number; columns: number }): Promise<void> {
  const exec = room.execs.get(id);
  if (!(await within(exec.begun, PATIENCE_MS))) throw internal('timeout waiting for exec session ready');
  if (exec.running) exec.shim?.resize(size.rows, size.columns);
}

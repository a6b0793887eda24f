// `restart`: stop where it runs, then start. Runs in the daemon. moby: daemon/restart.go.

import { PunnetError } from '../../base/errors.ts';
import type { Container } from './container.ts';
import type { Room } from './room.ts';
import { start } from './start.ts';
import { stopNow, type StopOptions } from './stop.ts';

/** @throws PunnetError "Cannot restart container …" */
export async function restart(room: Room, container: Container, id: string, options: StopOptions): Promise<void> {
  try {
    if (container.running) {
      // Between the two, neither auto-removal nor a restart policy may act.
      container.restarting = true;
      try {
        await stopNow(room, container, options);
        room.publish(container, 'stop');
      } finally {
        container.restarting = false;
      }
    }
    await start(room, container);
  } catch (error) {
    if (!(error instanceof PunnetError)) throw error;
    throw new PunnetError(error.kind, `Cannot restart container ${id}: ${error.message}`, { cause: error });
  }
  room.publish(container, 'restart');
}

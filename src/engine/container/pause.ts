// `pause` and `unpause`: every process of a container stands still where it is. Runs in the daemon. cgroup-v2.rst,
// cgroup.freeze; moby: daemon/pause.go, daemon/unpause.go.

import { conflict } from '../../base/errors.ts';
import type { Container } from './container.ts';
import type { Room } from './room.ts';
import { requireRunning } from './stop.ts';

/** @throws conflict with Docker's texts; unavailable where there is no freezer */
export function pause(room: Room, container: Container): Promise<void> {
  return container.exclusive(async () => {
    const { id, state } = container;
    requireRunning(container);
    if (state.status === 'paused') throw conflict(`Container ${id} is already paused`);
    if (state.status === 'restarting') {
      throw conflict(`Container ${id} is restarting, wait until the container is running`);
    }
    await room.groups.freeze(id, true);
    container.change({ status: 'paused' });
    room.health.stop(container);
    room.publish(container, 'pause');
  });
}

/** @throws conflict with Docker's text */
export function unpause(room: Room, container: Container): Promise<void> {
  return container.exclusive(async () => {
    if (container.state.status !== 'paused') throw conflict(`Container ${container.id} is not paused`);
    await unpauseNow(room, container);
  });
}

/** Lets a paused container go on; the caller has looked. */
export async function unpauseNow(room: Room, container: Container): Promise<void> {
  await room.groups.freeze(container.id, false);
  // It may have been killed while it was frozen, and be gone by now.
  if (container.state.status !== 'paused') return;
  container.change({ status: 'running' });
  room.health.watch(container);
  room.publish(container, 'unpause');
}

// `rm`, and auto-removal: the container's directory is moved aside in one step, which is the moment of removal; what it
// held is deleted afterwards. A crash in between leaves only what the next start sweeps. Runs in the daemon.

import { PunnetError, conflict, messageOf } from '../../base/errors.ts';
import type { Container } from './container.ts';
import { killNow } from './kill.ts';
import type { Room } from './room.ts';
import { runtimeDirectory } from './runtime-directory.ts';

export interface RemoveOptions {
  force: boolean;
  volumes: boolean;
  link: boolean;
}

/** @throws conflict for a running container without `force` */
export async function remove(room: Room, container: Container, id: string, options: RemoveOptions): Promise<void> {
  if (container.state.status === 'removing') {
    throw conflict(`removal of container ${id} is already in progress`);
  }
  if (options.link) throw conflict('Conflict, cannot remove the default link name of the container');
  if (container.running) {
    if (!options.force) {
      throw conflict(
        `cannot remove container ${JSON.stringify(id)}: container is ${container.state.status}: ` +
          'stop the container before removing or force remove',
      );
    }
    try {
      await killNow(room, container);
    } catch (error) {
      const kind = error instanceof PunnetError ? error.kind : 'internal';
      throw new PunnetError(
        kind,
        `cannot remove container ${JSON.stringify(id)}: could not kill container: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }
  await container.exclusive(async () => {
    // Auto-removal may have been first.
    if (room.store.find(container.id) === container) await removeNow(room, container, options);
  });
}

/** Removes a container that does not run; the caller holds it. @throws the errno of rename(2) */
export async function removeNow(room: Room, container: Container, { volumes }: { volumes: boolean }): Promise<void> {
  const { id } = container;
  const before = container.state.status;
  container.state.status = 'removing';
  container.cancelRestart?.();
  try {
    room.directories.retire(id);
  } catch (error) {
    container.state.status = before;
    throw error;
  }
  room.store.delete(container);
  // Before anyone is told: who removes a container with its volumes finds neither afterwards.
  if (volumes) releaseVolumes(room, container);
  for (const client of container.attaching) client.cancel();
  room.publish(container, 'destroy');
  container.waiters.removed({ StatusCode: container.state.exitCode });
  void sweep(room, container).catch((failure: unknown) =>
    room.log(`delete what container ${id} held: ${messageOf(failure)}`),
  );
  return Promise.resolve();
}

/** The container is gone by now: a volume that could not be removed stays for `volume prune`, and is told. */
function releaseVolumes(room: Room, { id, record }: Container): void {
  try {
    room.volumes.released(record.anonymousVolumes);
  } catch (error) {
    room.log(`remove the volumes of container ${id}: ${messageOf(error)}`);
  }
}

/** Whoever asked has the answer that is under way: the next request is worth more than a clean house. */
function answered(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Deletes what a removed container held. */
async function sweep(room: Room, container: Container): Promise<void> {
  // Not before the shim is gone: it holds the mounts, and its socket.
  await Promise.all([container.shim?.gone, answered()]);
  room.directories.free(container.id);
  room.snapshots.discard(runtimeDirectory(room, container.id));
  await room.snapshots.remove(container.id, container.record.diffIDs);
}

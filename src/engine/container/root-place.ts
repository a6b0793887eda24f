// Where a container's files are for cp and export: of a running container its own mount, else its overlay, and over both its
// binds and volumes. Runs in the daemon. moby: daemon/containerfs_linux.go

import type { Socket } from 'node:net';
import { threadSocket } from '../../native/thread-socket.ts';
import { hostPath } from '../../rootless/host-path.ts';
import type { ContainerRoot } from '../../snapshot/container-root.ts';
import type { FileStat } from '../../snapshot/root-files.ts';
import type { RootJob } from '../../snapshot/root-thread.ts';
import type { Container } from './container.ts';
import type { Room } from './room.ts';

function rootOf(room: Room, { record, state }: Container): ContainerRoot {
  const binds = record.mounts
    .filter(({ Type }) => Type !== 'tmpfs')
    .map(({ Type, Source, Destination, RW }) => ({
      source: Type === 'bind' ? hostPath(Source) : Source,
      destination: Destination,
      writable: RW,
    }));
  return { mount: room.snapshots.mount(record.id), ...(state.pid > 0 && { pid: state.pid }), binds };
}

/** A shim that has told the exit may still hold the old mount; overlayfs wants the writable layer for one mount at a time. */
async function unmounted(container: Container): Promise<void> {
  if (!container.alive) await container.shim?.gone;
}

/** Does a job that needs no archive. @throws what the job throws */
export function askRoot(room: Room, container: Container, job: RootJob): Promise<FileStat | undefined> {
  return container.exclusive(async () => {
    await unmounted(container);
    const { ready, done } = room.roots.run({ root: rootOf(room, container), job });
    await done;
    return ready;
  });
}

export type ArchiveJob = { [K in RootJob['kind']]: Omit<Extract<RootJob, { kind: K; fd: number }>, 'fd'> }[
  'archive' | 'export' | 'extract'];

/**
 * Does a job whose archive passes through a socket: `use` moves the bytes. A container that does not run cannot start until
 * that is done; one that runs is held only until its root is open.
 * @throws what the job throws, or else what `use` throws
 */
export async function withRoot(
  room: Room,
  container: Container,
  job: ArchiveJob,
  use: (socket: Socket, stat: FileStat | undefined) => Promise<void>,
): Promise<void> {
  const { settled } = await container.exclusive(async () => {
    await unmounted(container);
    const root = rootOf(room, container);
    const { socket, fd } = threadSocket();
    socket.on('error', () => socket.destroy());
    const { ready, done } = room.roots.run({ root, job: { ...job, fd } as RootJob });
    const passed = ready.then((stat) => use(socket, stat));
    const settled = settle(socket, done, passed);
    settled.catch(() => {});
    await (root.pid === undefined ? settled : ready);
    return { settled };
  });
  return settled;
}

async function settle(socket: Socket, done: Promise<void>, passed: Promise<void>): Promise<void> {
  // Once one side has failed, the other must not wait for it.
  passed.catch(() => socket.destroy());
  const [job, use] = await Promise.allSettled([done, passed]);
  socket.destroy();
  // A client that went away is why the job failed.
  if (use.status === 'rejected' && (use.reason as Error).name === 'AbortError') throw use.reason;
  if (job.status === 'rejected') throw job.reason;
  if (use.status === 'rejected') throw use.reason;
}

// `cp`: what a path in a container is, the archive of it, and an archive into it. Runs in the daemon. moby: daemon/archive.go

import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FileStatBody } from '../../api/types.ts';
import { notFound, PunnetError } from '../../base/errors.ts';
import { decompressedStream } from '../../snapshot/decompress.ts';
import type { FileStat } from '../../snapshot/root-files.ts';
import { rfc3339 } from '../clock.ts';
import type { Container } from './container.ts';
import { goFileMode } from './go-file-mode.ts';
import type { Room } from './room.ts';
import { askRoot, withRoot } from './root-place.ts';
import { lookUpUser } from './user.ts';

/** Largest /etc/passwd or /etc/group that is read. */
const MAX_USER_FILE = 8 << 20;

/** What a client named: the container and a path in it, for the error's text. */
export interface Wanted {
  id: string;
  path: string;
}

/** @throws notFound with Docker's text */
export async function statFile(room: Room, container: Container, wanted: Wanted): Promise<FileStatBody> {
  return named(wanted, async () => bodyOf((await askRoot(room, container, { kind: 'stat', path: wanted.path }))!));
}

/** Sends the archive of a file or directory; `open` is told what it is first. @throws notFound with Docker's text */
export async function archive(
  room: Room,
  container: Container,
  wanted: Wanted,
  { open, signal }: { open(stat: FileStatBody): Writable; signal: AbortSignal },
): Promise<void> {
  return named(wanted, () =>
    withRoot(room, container, { kind: 'archive', path: wanted.path }, async (socket, stat) => {
      room.publish(container, 'archive-path');
      await pipeline(socket, open(bodyOf(stat!)), { signal });
    }),
  );
}

/** Extracts an archive, compressed or not, into a directory. @throws notFound, internal with Docker's texts */
export async function extract(
  room: Room,
  container: Container,
  wanted: Wanted,
  options: { noOverwriteDirNonDir: boolean; copyUidGid: boolean; body: Readable; signal: AbortSignal },
): Promise<void> {
  const { noOverwriteDirNonDir, body, signal } = options;
  const owner = options.copyUidGid ? ownerOf(room, container) : undefined;
  const job = {
    kind: 'extract' as const,
    path: wanted.path,
    options: { noOverwriteDirNonDir, ...(owner && { owner }) },
    readonlyRoot: container.record.hostConfig.ReadonlyRootfs === true,
  };
  await named(wanted, () =>
    withRoot(room, container, job, (socket) => pipeline(decompressedStream(body), socket, { signal })),
  );
  room.publish(container, 'extract-to-dir');
}

/** Who the container runs as; root when it does not say. */
function ownerOf(room: Room, { record }: Container): { uid: number; gid: number } | undefined {
  const user = record.config.User ?? '';
  if (user === '') return undefined;
  const read = (path: string) => room.snapshots.readFile(record.id, path, MAX_USER_FILE)?.toString('utf8');
  return lookUpUser(user, { passwd: read('/etc/passwd'), group: read('/etc/group') });
}

async function named<T>({ id, path }: Wanted, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof PunnetError) || error.kind !== 'notFound' || error.message !== path) throw error;
    throw notFound(`Could not find the file ${path} in container ${id}`, { cause: error });
  }
}

function bodyOf({ name, size, mode, mtimeNs, linkTarget }: FileStat): FileStatBody {
  return { name, size, mode: goFileMode(mode), mtime: rfc3339(mtimeNs), linkTarget };
}

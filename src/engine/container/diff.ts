// `diff`: what a container changed. Runs in the daemon. moby: daemon/changes.go

import type { Container } from './container.ts';
import type { Room } from './room.ts';

/** Null, as Go writes an empty list, when nothing changed. */
export async function diff(room: Room, container: Container): Promise<{ Path: string; Kind: number }[] | null> {
  const changes = await room.snapshots.changes(container.id);
  if (changes.length === 0) return null;
  return changes.map(({ path, kind }) => ({ Path: Buffer.from(path, 'latin1').toString('utf8'), Kind: kind }));
}

// `volume rm` and `volume prune`. Runs in the daemon. moby: daemon/volume/service/service.go

import type { Filters } from '../../api/types.ts';
import { conflict, PunnetError } from '../../base/errors.ts';
import { checkFilters, hasLabel, truthOf } from './filter.ts';
import { publish, usersOf, type VolumeRoom } from './room.ts';

/** @throws notFound unless `force`; conflict when a container has it */
export function remove(room: VolumeRoom, name: string, { force }: { force: boolean }): void {
  try {
    room.store.get(name);
  } catch (error) {
    if (force && error instanceof PunnetError && error.kind === 'notFound') return;
    throw error;
  }
  const users = usersOf(room, name);
  if (users.length > 0) throw conflict(`remove ${name}: volume is in use - [${users.join(', ')}]`);
  room.store.remove(name, room.discard);
  publish(room, 'destroy', name);
}

/** Removes what no container has: anonymous volumes, with `all` named ones, too. */
export function prune(
  room: VolumeRoom,
  { filters, all }: { filters: Filters; all: boolean },
): { VolumesDeleted: string[]; SpaceReclaimed: number } {
  checkFilters(filters, ['label', 'label!', 'all']);
  const everything = all || truthOf(filters, 'all') === true;
  const deleted: string[] = [];
  let bytes = 0;
  for (const { name, labels, anonymous } of room.store.list()) {
    if (!everything && !anonymous) continue;
    if (!(filters.label ?? []).every((label) => hasLabel(labels, label))) continue;
    if ((filters['label!'] ?? []).some((label) => hasLabel(labels, label))) continue;
    if (usersOf(room, name).length > 0) continue;
    bytes += room.sizeOf(room.store.path(name));
    room.store.remove(name, room.discard);
    publish(room, 'destroy', name);
    deleted.push(name);
  }
  room.events.publish('volume', 'prune', { ID: '', Attributes: { reclaimed: String(bytes) } });
  return { VolumesDeleted: deleted, SpaceReclaimed: bytes };
}

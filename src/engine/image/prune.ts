// `image prune`: images without a name, with `dangling=false` all that no container has. Runs in the daemon.
// moby: daemon/images/image_prune.go

import type { Filters } from '../../api/types.ts';
import { invalidArgument, PunnetError } from '../../base/errors.ts';
import { list } from './list.ts';
import { remove, type Removed } from './remove.ts';
import { isDigestName, type ImageRoom } from './room.ts';

const KNOWN = ['dangling', 'label', 'label!', 'until'];

/** @throws invalidArgument for a filter that is not known */
export async function prune(
  room: ImageRoom,
  filters: Filters,
): Promise<{ ImagesDeleted: Removed[] | null; SpaceReclaimed: number }> {
  for (const name of Object.keys(filters)) if (!KNOWN.includes(name)) throw invalidArgument(`invalid filter '${name}'`);
  const { dangling = ['true'], ...others } = filters;
  const onlyDangling = !dangling.some((value) => value === 'false' || value === '0');
  const before = bytes(room);
  const deleted: Removed[] = [];
  for (const { Id } of list(room, { filters: others })) {
    const record = room.store.byPrefix(Id);
    if (!record || room.usersOf(record.id).length > 0) continue;
    const names = room.store.namesOf(record.id);
    if (onlyDangling && names.some((name) => !isDigestName(name))) continue;
    try {
      deleted.push(...(await remove(room, record.id, { force: true, prune: true })));
    } catch (error) {
      // A container was made of it meanwhile.
      if (!(error instanceof PunnetError) || error.kind !== 'conflict') throw error;
    }
  }
  const reclaimed = Math.max(0, before - bytes(room));
  room.publish('prune', { id: '', name: '', labels: { reclaimed: String(reclaimed) } });
  return { ImagesDeleted: deleted.length > 0 ? deleted : null, SpaceReclaimed: reclaimed };
}

function bytes(room: ImageRoom): number {
  return room.layers.list().reduce((sum, { size }) => sum + size, 0);
}

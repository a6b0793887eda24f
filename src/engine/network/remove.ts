// `network rm` and `network prune`. Runs in the daemon. moby: daemon/network.go (deleteNetwork), daemon/prune.go

import type { Filters } from '../../api/types.ts';
import { forbidden, invalidArgument } from '../../base/errors.ts';
import { untilTime } from '../until.ts';
import { hasLabel, isUsed } from './inspect.ts';
import { PREDEFINED } from './predefined.ts';
import { deleteNetwork, type NetworkRecord } from './record.ts';
import { bridgeOf, type NetworkRoom } from './room.ts';

/** @throws forbidden for Docker's own networks, and for one that containers use */
export async function remove(room: NetworkRoom, record: NetworkRecord): Promise<void> {
  if (PREDEFINED.includes(record.name)) {
    throw forbidden(`${record.name} is a pre-defined network and cannot be removed`);
  }
  const users = room.store.endpoints(record);
  if (users.length > 0) {
    const names = users.map(({ endpoint, container }) => {
      const name = room.containers.find(container)?.name ?? container;
      return `name:${JSON.stringify(name)} id:${JSON.stringify(endpoint.id.slice(0, 12))}`;
    });
    throw forbidden(`error while removing network: network ${record.name} has active endpoints (${names.join(', ')})`);
  }
  // The record goes first: a bridge without a record is what the next daemon deletes.
  deleteNetwork(room.directory, record.id);
  room.store.delete(record);
  if (record.driver === 'bridge') (await room.opened())?.removeBridge(bridgeOf(record));
  room.publish('destroy', record);
}

/** Removes user-defined networks that no container uses; answers with their names. @throws invalidArgument */
export async function prune(room: NetworkRoom, filters: Filters): Promise<{ NetworksDeleted: string[] | null }> {
  for (const name of Object.keys(filters)) {
    if (!['until', 'label', 'label!'].includes(name)) throw invalidArgument(`invalid filter '${name}'`);
  }
  const before = filters.until === undefined ? Infinity : untilTime(filters.until);
  const unused = room.store
    .all()
    .filter(
      (record) =>
        !PREDEFINED.includes(record.name) &&
        !isUsed(room, record) &&
        Date.parse(record.created) <= before &&
        (filters.label ?? []).every((label) => hasLabel(record, label)) &&
        !(filters['label!'] ?? []).some((label) => hasLabel(record, label)),
    );
  for (const record of unused) await remove(room, record);
  return { NetworksDeleted: unused.length > 0 ? unused.map(({ name }) => name) : null };
}

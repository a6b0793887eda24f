// `container prune`: removes every container that does not run. Runs in the daemon. moby: daemon/prune.go.

import type { Filters } from '../../api/types.ts';
import { invalidArgument, messageOf } from '../../base/errors.ts';
import { parseRfc3339 } from '../clock.ts';
import { labelMatches } from '../events.ts';
import { untilTime } from '../until.ts';
import type { Container } from './container.ts';
import { removeNow } from './remove.ts';
import type { Room } from './room.ts';

export interface PruneReport {
  ContainersDeleted: string[] | null;
  SpaceReclaimed: number;
}

/** @throws invalidArgument for a filter that Docker does not know */
export async function prune(room: Room, filters: Filters): Promise<PruneReport> {
  const wanted = chooser(filters);
  const deleted: string[] = [];
  let reclaimed = 0;
  for (const container of room.store.all().filter(wanted)) {
    try {
      await container.exclusive(async () => {
        // It may have been started, or removed, since it was looked at.
        if (container.running || room.store.find(container.id) !== container) return;
        const { writable } = room.snapshots.usage(container.id, container.record.diffIDs);
        await removeNow(room, container, { volumes: false });
        deleted.push(container.id);
        reclaimed += writable;
      });
    } catch (error) {
      room.log(`failed to prune container ${container.id}: ${messageOf(error)}`);
    }
  }
  room.events.publish('container', 'prune', { ID: '', Attributes: { reclaimed: String(reclaimed) } });
  return { ContainersDeleted: deleted.length > 0 ? deleted : null, SpaceReclaimed: reclaimed };
}

function chooser(filters: Filters): (container: Container) => boolean {
  for (const name of Object.keys(filters)) {
    if (!['label', 'label!', 'until'].includes(name)) throw invalidArgument(`invalid filter '${name}'`);
  }
  const until = filters.until && untilTime(filters.until);
  return (container) => {
    const labels = container.record.config.Labels ?? {};
    return (
      !container.running &&
      (until === undefined || Number(parseRfc3339(container.record.created) / 1_000_000n) <= until) &&
      (filters.label ?? []).every((label) => labelMatches(labels, label)) &&
      !(filters['label!'] ?? []).some((label) => labelMatches(labels, label))
    );
  };
}

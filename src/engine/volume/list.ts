// `volume ls`. Runs in the daemon. moby: daemon/volume/service/service.go (List)

import type { Filters } from '../../api/types.ts';
import { checkFilters, hasLabel, truthOf } from './filter.ts';
import { bodyOf, usersOf, type VolumeRoom } from './room.ts';

/** @throws invalidArgument for a filter that is not known */
export function list(room: VolumeRoom, filters: Filters): object[] {
  checkFilters(filters, ['dangling', 'name', 'driver', 'label']);
  const dangling = truthOf(filters, 'dangling');
  const { name: names, driver: drivers, label: labels = [] } = filters;
  return room.store
    .list()
    .filter((volume) => !names?.length || names.some((part) => volume.name.includes(part)))
    .filter(() => !drivers?.length || drivers.some((part) => 'local'.includes(part)))
    .filter((volume) => labels.every((label) => hasLabel(volume.labels, label)))
    .filter((volume) => dangling === undefined || (usersOf(room, volume.name).length === 0) === dangling)
    .map((volume) => bodyOf(room, volume));
}

/** The volume part of `system df`. */
export function usage(room: VolumeRoom): object[] {
  return room.store.list().map((volume) => ({
    ...bodyOf(room, volume),
    UsageData: { RefCount: usersOf(room, volume.name).length, Size: room.sizeOf(room.store.path(volume.name)) },
  }));
}

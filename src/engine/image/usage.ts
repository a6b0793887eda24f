// Who shares which layers: sizes for `system df` and for `SharedSize`. Runs in the daemon. moby: daemon/disk_usage.go

import type { Digest } from '../../base/digest.ts';
import { list, type Summary } from './list.ts';
import type { ImageRoom } from './room.ts';
import type { ImageRecord } from './store.ts';

/** How many images have each layer. */
export function layerShares(room: ImageRoom): { sharedSize(record: ImageRecord): number } {
  const images = new Map<Digest, number>();
  for (const { diffIDs } of room.store.list())
    for (const diffID of new Set(diffIDs)) images.set(diffID, (images.get(diffID) ?? 0) + 1);
  return {
    sharedSize: ({ diffIDs }) =>
      [...new Set(diffIDs)]
        .filter((diffID) => (images.get(diffID) ?? 0) > 1 && room.layers.has(diffID))
        .reduce((sum, diffID) => sum + room.layers.size(diffID), 0),
  };
}

/** Bytes of all layers, each counted once, and every image with its share. */
export function usage(room: ImageRoom): { LayersSize: number; Images: Summary[] } {
  return {
    LayersSize: room.layers.list().reduce((sum, { size }) => sum + size, 0),
    Images: list(room, { filters: {}, measured: true }),
  };
}

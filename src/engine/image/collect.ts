// Frees blobs and layers that no image, no container and no pull under way needs. Each is judged in the same tick in which
// it is removed, so that a pull that starts meanwhile keeps what it holds. Runs in the daemon.

import { statSync } from 'node:fs';
import { PunnetError } from '../../base/errors.ts';
import type { Digest } from '../../base/digest.ts';
import type { ImageRoom } from './room.ts';

/** A blob of an interrupted pull is kept this long for the next try (milliseconds). */
const GRACE = 24 * 3600 * 1000;

/** Frees those of `candidates` (blobs and diffIDs) that nothing needs any more. */
export async function collect(room: ImageRoom, candidates: { blobs: Digest[]; layers: Digest[] }): Promise<void> {
  for (const digest of new Set(candidates.blobs)) if (!blobsInUse(room).has(digest)) room.content.remove(digest);
  // From the top down, as they were stacked.
  for (const diffID of new Set(candidates.layers.toReversed())) {
    if (layersInUse(room).has(diffID)) continue;
    try {
      await room.layers.removeLayer(diffID);
    } catch (error) {
      // A container was made on it meanwhile: then it stays, and goes when the container has gone.
      if (!(error instanceof PunnetError) || error.kind !== 'conflict') throw error;
    }
  }
}

/** At the daemon's start: frees what crashes and given-up pulls left behind. */
export async function collectLeftovers(room: ImageRoom): Promise<void> {
  const oldest = Date.now() - GRACE;
  const blobs = room.content.list().filter((digest) => {
    const stat = statSync(room.content.path(digest), { throwIfNoEntry: false });
    return stat !== undefined && stat.mtimeMs < oldest;
  });
  // A record that cannot be read may be all that knows of a layer or blob: then nothing is freed.
  if (room.store.problems.length > 0) return;
  await collect(room, { blobs, layers: room.layers.list().map(({ diffID }) => diffID) });
}

/** Frees the layers of a container that is gone, if its image is gone, too. Cheap when it is not: this runs at every `rm`. */
export async function collectLayers(room: ImageRoom, diffIDs: Digest[]): Promise<void> {
  if (room.store.problems.length === 0) await collect(room, { blobs: [], layers: diffIDs });
}

function blobsInUse(room: ImageRoom): Set<Digest> {
  const used = new Set(room.held.keys());
  for (const { id, manifests, layers } of room.store.list())
    for (const digest of [id, ...manifests, ...layers]) used.add(digest);
  return used;
}

/** DiffIDs that an image or a pull needs; removeLayer itself knows those of containers. */
function layersInUse(room: ImageRoom): Set<Digest> {
  const used = new Set(room.held.keys());
  for (const { diffIDs } of room.store.list()) for (const diffID of diffIDs) used.add(diffID);
  return used;
}

// Which blobs hold the layers of an image. A layer may have come with another image, compressed in another way: then the blob
// that its own manifest names is not here, and another one of the same diffID is. Runs in the daemon.

import type { Digest } from '../../base/digest.ts';
import { internal, PunnetError } from '../../base/errors.ts';
import type { Descriptor, Manifest } from '../../base/oci-image.ts';
import { CONFIG_LIMIT } from '../../registry/image-config.ts';
import { parseManifest } from '../../registry/manifest.ts';
import { isDigestName, type ImageRoom } from './room.ts';
import type { ImageRecord } from './store.ts';

export interface OwnManifest {
  digest: Digest;
  bytes: Buffer;
  mediaType: string;
  value: Manifest;
}

/** The manifests of an image that are here, those first whose blobs are all here, too. */
export function manifestsOf(room: ImageRoom, { id, manifests, diffIDs }: ImageRecord): OwnManifest[] {
  const found: OwnManifest[] = [];
  for (const digest of manifests) {
    if (!room.content.has(digest)) continue;
    const bytes = room.content.read(digest, CONFIG_LIMIT);
    const parsed = parseManifest(bytes, undefined);
    if (parsed.kind !== 'manifest' || parsed.value.config.digest !== id) continue;
    if (parsed.value.layers.length !== diffIDs.length) continue;
    found.push({ digest, bytes, mediaType: parsed.mediaType, value: parsed.value });
  }
  const missing = ({ value }: OwnManifest) => value.layers.filter(({ digest }) => !room.content.has(digest)).length;
  return found.sort((a, b) => Math.min(missing(a), 1) - Math.min(missing(b), 1));
}

export interface NamedBlob {
  blob: Descriptor;
  /** images that have it, as registries know them: `docker.io/library/busybox@sha256:…` */
  names: string[];
}

/** Every blob of a layer that some image's manifest names, whether it is here or not; each digest once. */
export function namedBlobs(room: ImageRoom, diffID: Digest): NamedBlob[] {
  const found = new Map<Digest, NamedBlob>();
  for (const record of room.store.list()) {
    if (!record.diffIDs.includes(diffID)) continue;
    for (const { value } of readable(room, record)) {
      const blob = value.layers[record.diffIDs.indexOf(diffID)]!;
      const known = found.get(blob.digest) ?? { blob, names: [] };
      found.set(blob.digest, { blob, names: [...known.names, ...room.store.namesOf(record.id).filter(isDigestName)] });
    }
  }
  return [...found.values()];
}

/** A blob of a layer that is here; undefined when there is none. */
export function blobOf(room: ImageRoom, diffID: Digest): Descriptor | undefined {
  return namedBlobs(room, diffID).find(({ blob }) => room.content.has(blob.digest))?.blob;
}

/**
 * The blobs of an image's layers that are here, lowest first.
 * @throws internal when one is not
 */
export function layersOf(room: ImageRoom, record: ImageRecord): Descriptor[] {
  const own = manifestsOf(room, record)[0]?.value.layers;
  return record.diffIDs.map((diffID, i) => {
    const layer = own?.[i];
    const found = layer && room.content.has(layer.digest) ? layer : blobOf(room, diffID);
    if (found) return found;
    throw internal(`image ${record.id}: no blob of its layer ${diffID} is here`, { fix: 'pull it again' });
  });
}

/** A manifest that cannot be read hides its image's blobs, not those of the others: `system check` names it. */
function readable(room: ImageRoom, record: ImageRecord): OwnManifest[] {
  try {
    return manifestsOf(room, record);
  } catch (error) {
    if (error instanceof PunnetError) return [];
    throw error;
  }
}

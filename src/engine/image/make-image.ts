// Makes an image of a config and layers that are here: the config and a manifest become blobs, then the record is written, then
// names are given; killed in between, nothing has a name that is not whole. Runs in the daemon. image-spec manifest.md

import type { Digest } from '../../base/digest.ts';
import { MEDIA, type Descriptor, type ImageConfig, type Manifest } from '../../base/oci-image.ts';
import { parseConfig } from '../../registry/image-config.ts';
import type { Lease } from './make-layer.ts';
import type { ImageRoom } from './room.ts';

export interface NewImage {
  /** with the diffIDs of `layers` */
  config: ImageConfig;
  /** blobs, lowest first */
  layers: Descriptor[];
  lease: Lease;
}

/** Makes the image; returns its id. It has no name yet: see ImageStore.name. */
export async function makeImage(room: ImageRoom, { config, layers, lease }: NewImage): Promise<Digest> {
  const bytes = Buffer.from(JSON.stringify(config));
  return recordImage(room, { bytes, layers, lease });
}

/** As makeImage, of a config's own bytes, whose digest is the image's id. @throws RegistryFailure when they are no config */
export async function recordImage(
  room: ImageRoom,
  { bytes, layers, lease }: { bytes: Buffer; layers: Descriptor[]; lease: Lease },
): Promise<Digest> {
  const id = await room.content.write(bytes);
  lease.hold(id);
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA.ociManifest,
    config: { mediaType: MEDIA.ociConfig, digest: id, size: bytes.length },
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  };
  const { rootfs } = parseConfig(bytes, manifest);
  const digest = await room.content.write(Buffer.from(JSON.stringify(manifest)));
  lease.hold(digest);
  room.store.add({
    id,
    manifests: [digest],
    layers: layers.map((layer) => layer.digest),
    diffIDs: rootfs.diff_ids,
  });
  return id;
}

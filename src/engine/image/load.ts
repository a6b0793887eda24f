// `load`: images of an archive that `save`, Docker, skopeo or containerd wrote. Blobs and layers first, records and names last, so
// that nothing has a name that is not whole. Runs in the daemon. moby: image/tarexport/load.go

import { closeSync, openSync, readSync } from 'node:fs';
import type { ImageBackend } from '../../api/backend.ts';
import { hexOf, type Digest } from '../../base/digest.ts';
import { invalidArgument } from '../../base/errors.ts';
import { MEDIA, type Descriptor, type ImageConfig } from '../../base/oci-image.ts';
import { checkManifest, CONFIG_LIMIT, parseConfig } from '../../registry/image-config.ts';
import { parsePlatform } from '../../registry/platform.ts';
import { LayerProgress } from '../../registry/progress.ts';
import { familiar } from '../../registry/reference.ts';
import { compressionOf } from '../../snapshot/decompress.ts';
import { imagesIn, type ArchivedImage } from './archive-images.ts';
import { takeApart, type StoredFile } from './archive-intake.ts';
import { collect } from './collect.ts';
import { recordImage } from './make-image.ts';
import type { Lease } from './make-layer.ts';
import { holder, nameOf, publish, type ImageRoom } from './room.ts';

type Options = Parameters<ImageBackend['load']>[0];

/** @throws invalidArgument with Docker's texts for what is no image archive, or a hostile one; the signal's reason */
export async function load(room: ImageRoom, options: Options): Promise<void> {
  const lease = holder(room);
  try {
    const files = await takeApart(room, options.body, { lease, signal: options.signal });
    const platform = options.platform ? parsePlatform(options.platform) : undefined;
    const loaded: { id: Digest; image: ArchivedImage }[] = [];
    for (const image of imagesIn(room, files, platform)) {
      const id = await bringIn(room, image, { lease, options });
      loaded.push({ id, image });
    }
    for (const { id, image } of loaded) giveNames(room, { id, image, options });
    if (loaded.every(({ image }) => image.names.length === 0))
      for (const { id } of loaded) options.progress({ stream: `Loaded image ID: ${id}\n` });
  } finally {
    const held = lease.release();
    await collect(room, { blobs: held, layers: held });
  }
}

/** Unpacks the layers and writes the record; returns the image's id. */
async function bringIn(
  room: ImageRoom,
  image: ArchivedImage,
  { lease, options }: { lease: Lease; options: Options },
): Promise<Digest> {
  const id = image.config.digest;
  const bytes = room.content.read(id, CONFIG_LIMIT);
  const layers = image.layers.map((layer) => describe(room, layer));
  const manifest = {
    schemaVersion: 2 as const,
    config: { mediaType: MEDIA.ociConfig, digest: id, size: image.config.size },
    layers,
  };
  checkManifest(manifest);
  const { diff_ids: diffIDs } = configIn(bytes, layers.length);
  parseConfig(bytes, manifest);
  for (const [i, layer] of layers.entries()) await unpack(room, { layer, diffID: diffIDs[i]!, lease, options });
  if (image.manifest) room.store.add({ id, manifests: [image.manifest], layers: layers.map(digestOf), diffIDs });
  else await recordImage(room, { bytes, layers, lease });
  return id;
}

const digestOf = ({ digest }: Descriptor) => digest;

function configIn(bytes: Buffer, layers: number): { diff_ids: Digest[] } {
  let config: Partial<ImageConfig>;
  try {
    config = JSON.parse(bytes.toString('utf8')) as Partial<ImageConfig>;
  } catch (error) {
    throw invalidArgument('invalid image config: not JSON', { cause: error });
  }
  const diffIDs = config?.rootfs?.diff_ids;
  const count = Array.isArray(diffIDs) ? diffIDs.length : 0;
  if (count !== layers)
    throw invalidArgument(`invalid manifest, layers length mismatch: expected ${layers}, got ${count}`);
  return { diff_ids: diffIDs ?? [] };
}

async function unpack(
  room: ImageRoom,
  input: { layer: Descriptor; diffID: Digest; lease: Lease; options: Options },
): Promise<void> {
  const { layer, diffID, lease, options } = input;
  lease.hold(diffID);
  const report = new LayerProgress(hexOf(diffID).slice(0, 12), options.quiet ? () => {} : options.progress);
  await room.layers.unpack({
    path: room.content.path(layer.digest),
    mediaType: layer.mediaType,
    diffID,
    signal: options.signal,
    onProgress: (bytes) => report.bytes('Loading layer', bytes, layer.size),
  });
}

function giveNames(room: ImageRoom, input: { id: Digest; image: ArchivedImage; options: Options }): void {
  const { id, image, options } = input;
  publish(room, 'load', { id, name: id, of: id });
  for (const reference of image.names) {
    const name = nameOf(reference);
    const previous = room.store.named(name);
    if (previous && previous.id !== id) {
      const text = `The image ${familiar(reference)} already exists, renaming the old one with ID ${previous.id} to empty string\n`;
      options.progress({ stream: text });
    }
    room.store.name(name, id, { tagged: true });
    options.progress({ stream: `Loaded image: ${familiar(reference)}\n` });
  }
}

/** The first bytes tell how a layer is compressed. */
function describe(room: ImageRoom, { digest, size }: StoredFile): Descriptor {
  const start = Buffer.alloc(6);
  const fd = openSync(room.content.path(digest), 'r');
  try {
    readSync(fd, start, 0, start.length, 0);
  } finally {
    closeSync(fd);
  }
  const compression = compressionOf(start);
  const mediaType = { gzip: MEDIA.ociLayerGzip, zstd: MEDIA.ociLayerZstd, none: MEDIA.ociLayer, bzip2: '', xz: '' }[
    compression
  ];
  return { mediaType: mediaType || compression, digest, size };
}

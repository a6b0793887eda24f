// Takes an image from an OCI layout directory on disk (image-spec image-layout.md), as if it were a registry: every blob
// verified. So the images that ship with punnet come in. Runs in the daemon.

import { createReadStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hexOf, type Digest } from '../../base/digest.ts';
import { internal, messageOf, notFound } from '../../base/errors.ts';
import { CONFIG_LIMIT, checkManifest, parseConfig } from '../../registry/image-config.ts';
import { parseManifest } from '../../registry/manifest.ts';
import { choosePlatform, hostPlatform } from '../../registry/platform.ts';
import { parseReference, withDefaultTag } from '../../registry/reference.ts';
import { holder, nameOf, publish, type ImageRoom } from './room.ts';

/**
 * Imports the layout's image for this machine under `name`; returns its id.
 * @throws notFound when there is no layout; what ingest and unpack throw for bytes that are not their digest
 */
export async function importLayout(room: ImageRoom, input: { directory: string; name: string }): Promise<Digest> {
  const { directory } = input;
  const { hold, release } = holder(room);
  const take = async (item: { digest: Digest; size: number }) => {
    hold(item.digest);
    const path = join(directory, 'blobs', 'sha256', hexOf(item.digest));
    await room.content.ingest(
      (offset) => Promise.resolve({ offset, body: createReadStream(path, { start: offset }) }),
      item,
    );
  };
  try {
    let descriptor = choosePlatform(topOf(directory), hostPlatform());
    await take(descriptor);
    let found = parseManifest(room.content.read(descriptor.digest), descriptor.mediaType);
    const manifests = [descriptor.digest];
    if (found.kind === 'index') {
      descriptor = choosePlatform(found.value.manifests, hostPlatform());
      await take(descriptor);
      manifests.push(descriptor.digest);
      found = parseManifest(room.content.read(descriptor.digest), descriptor.mediaType);
    }
    if (found.kind !== 'manifest') throw internal(`image layout ${directory}: an index names an index`);
    const { value: manifest } = found;
    checkManifest(manifest);
    await take(manifest.config);
    const id = manifest.config.digest;
    const config = parseConfig(room.content.read(id, CONFIG_LIMIT), manifest);
    const diffIDs = config.rootfs.diff_ids;
    diffIDs.forEach(hold);
    for (const [i, layer] of manifest.layers.entries()) {
      await take(layer);
      await room.layers.unpack({
        path: room.content.path(layer.digest),
        mediaType: layer.mediaType,
        diffID: diffIDs[i]!,
        signal: new AbortController().signal,
        onProgress: () => {},
      });
    }
    room.store.add({ id, manifests, layers: manifest.layers.map(({ digest }) => digest), diffIDs });
    room.store.name(nameOf(withDefaultTag(parseReference(input.name))), id);
    publish(room, 'import', { id, name: input.name, of: id });
    return id;
  } finally {
    release();
  }
}

function topOf(directory: string) {
  const path = join(directory, 'index.json');
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw notFound(`read image layout ${path}: ${messageOf(error)}`, { cause: error });
  }
  const index = parseManifest(bytes, undefined);
  if (index.kind !== 'index') throw internal(`image layout ${path}: not an index`);
  return index.value.manifests;
}

// New layers, from what a container changed or from an archive: a blob in the content store (uncompressed: push compresses on
// the way, as Docker does) and a committed layer. What is made is held until the lease ends: by then an image must name it.
// Runs in the daemon.

import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Digest } from '../../base/digest.ts';
import { MEDIA, type Descriptor } from '../../base/oci-image.ts';
import { decompressedStream } from '../../snapshot/decompress.ts';
import type { ImageRoom } from './room.ts';

/** Spares what is made from collection; see holder in room.ts. */
export interface Lease {
  hold(digest: Digest): void;
}

/** A layer that is here: its blob, whose digest is the diffID since it is not compressed. */
export interface NewLayer extends Descriptor {
  diffID: Digest;
  /** how many entries its archive has; none means that nothing was changed */
  entries: number;
}

/**
 * Makes a layer of what active snapshot `key` holds. `consume` ends the snapshot and turns its directory into the layer
 * without copying: nobody may have it mounted. Otherwise the layer is a copy.
 * @throws notFound for the snapshot; unavailable when the disk is full
 */
export async function layerFromSnapshot(
  room: ImageRoom,
  key: string,
  { lease, consume }: { lease: Lease; consume: boolean },
): Promise<NewLayer> {
  const made = await room.content.create(async (path) => {
    const archive = await room.layers.archive(key, path);
    lease.hold(archive.diffID);
    return { ...archive, digest: archive.diffID };
  });
  if (consume) await room.layers.commit(key, made);
  else await room.layers.unpack(unpackRequest(room, made.diffID));
  return {
    mediaType: MEDIA.ociLayer,
    digest: made.diffID,
    size: made.size,
    diffID: made.diffID,
    entries: made.entries,
  };
}

/**
 * Makes a layer of an archive, compressed or not.
 * @throws invalidArgument when it is no archive or hostile; what `archive` throws
 */
export async function layerFromArchive(
  room: ImageRoom,
  archive: AsyncIterable<Uint8Array>,
  { lease, signal }: { lease: Lease; signal?: AbortSignal },
): Promise<NewLayer> {
  const { digest, size } = await room.content.create(async (path) => {
    const hash = createHash('sha256');
    let bytes = 0;
    async function* hashed(): AsyncGenerator<Uint8Array> {
      for await (const chunk of decompressedStream(archive)) {
        hash.update(chunk);
        bytes += chunk.length;
        yield chunk;
      }
    }
    await pipeline(hashed(), createWriteStream(path, { mode: 0o600, flags: 'wx' }), { signal });
    const found: Digest = `sha256:${hash.digest('hex')}`;
    lease.hold(found);
    return { digest: found, size: bytes };
  });
  const { entries } = await room.layers.unpack(unpackRequest(room, digest, signal));
  return { mediaType: MEDIA.ociLayer, digest, size, diffID: digest, entries };
}

function unpackRequest(room: ImageRoom, diffID: Digest, signal = new AbortController().signal) {
  return { path: room.content.path(diffID), mediaType: MEDIA.ociLayer, diffID, signal, onProgress: () => {} };
}

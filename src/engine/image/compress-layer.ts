// Compresses the blob of a layer that was made here, as push does on the way: a second blob, which nobody keeps once the
// registry has it. Runs in the daemon; zlib works on threads of libuv's pool. RFC 1952

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Digest } from '../../base/digest.ts';
import { MEDIA, type Descriptor } from '../../base/oci-image.ts';
import type { Lease } from './make-layer.ts';
import type { ImageRoom } from './room.ts';

export const isCompressed = ({ mediaType }: Descriptor) =>
  mediaType !== MEDIA.ociLayer && mediaType !== MEDIA.dockerLayer;

/** @throws the file system's error; the signal's reason */
export async function compressLayer(
  room: ImageRoom,
  layer: Descriptor,
  { lease, signal }: { lease: Lease; signal: AbortSignal },
): Promise<Descriptor> {
  return room.content.create(async (path) => {
    const hash = createHash('sha256');
    let size = 0;
    async function* counted(chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        size += chunk.length;
        yield chunk;
      }
    }
    const target = createWriteStream(path, { mode: 0o600, flags: 'wx' });
    await pipeline(createReadStream(room.content.path(layer.digest)), createGzip(), counted, target, { signal });
    const digest: Digest = `sha256:${hash.digest('hex')}`;
    lease.hold(digest);
    return { mediaType: MEDIA.dockerLayerGzip, digest, size };
  });
}

// `push`: an image's blobs and manifest to its registry, tag by tag. What was pulled is pushed as it is, so that its digest
// stays; layers that were made here are compressed on the way. Runs in the daemon. moby: distribution/push.go

import type { ImageBackend } from '../../api/backend.ts';
import { invalidArgument, notFound } from '../../base/errors.ts';
import type { Digest } from '../../base/digest.ts';
import { MEDIA, type Descriptor, type Manifest } from '../../base/oci-image.ts';
import { push as pushToRegistry, type PushedLayer } from '../../registry/push.ts';
import { canonicalName, familiar, familiarName, parseReference, type Reference } from '../../registry/reference.ts';
import { collect } from './collect.ts';
import { compressLayer, isCompressed } from './compress-layer.ts';
import { credentialsOf } from './credentials.ts';
import { layersOf, manifestsOf, namedBlobs, type OwnManifest } from './layer-blobs.ts';
import type { Lease } from './make-layer.ts';
import { holder, namesIn, publish, requirePlatform, type ImageRoom } from './room.ts';
import type { ImageRecord } from './store.ts';

type Options = Parameters<ImageBackend['push']>[1];

/** Repositories that a layer is asked to be mounted from. */
const MOST_SOURCES = 3;

/** With a tag that one, without all tags of the repository. @throws with Docker's texts */
export async function push(room: ImageRoom, text: string, options: Options): Promise<void> {
  const repository = parseReference(text);
  if (repository.digest !== undefined) throw invalidArgument('cannot push a digest reference');
  const reference = options.tag === undefined ? repository : parseReference(`${text}:${options.tag}`);
  options.progress({ status: `The push refers to repository [${canonicalName(reference)}]` });
  const here = namesIn(room, reference).map(parseReference);
  if (here.length === 0) throw notFound(`An image does not exist locally with the tag: ${familiarName(reference)}`);
  const tags = here.filter(({ tag }) => tag !== undefined && (!reference.tag || tag === reference.tag));
  if (tags.length === 0)
    throw notFound(
      reference.tag ? `tag does not exist: ${familiar(reference)}` : `no tags to push for ${familiarName(reference)}`,
    );
  for (const tag of tags) await pushTag(room, tag, options);
}

async function pushTag(room: ImageRoom, reference: Reference, options: Options): Promise<void> {
  const { progress, signal, auth } = options;
  const name = `${canonicalName(reference)}:${reference.tag}`;
  const record = room.store.named(name);
  if (!record) throw notFound(`tag does not exist: ${familiar(reference)}`);
  const subject = `image with reference ${familiar(reference)} was found but`;
  requirePlatform(room, record, { subject, platform: options.platform });
  const lease = holder(room);
  try {
    for (const digest of [record.id, ...record.manifests, ...record.layers, ...record.diffIDs]) lease.hold(digest);
    const own = manifestsOf(room, record);
    const layers = pushedLayers(room, { record, own, reference, lease, signal });
    const config: Descriptor = {
      mediaType: MEDIA.dockerConfig,
      digest: record.id,
      size: room.content.size(record.id)!,
    };
    const pushed = await pushToRegistry({
      client: room.registry,
      reference,
      ...(auth && { credentials: credentialsOf(auth) }),
      content: room.content,
      config,
      layers,
      manifest: (blobs) => manifestFor({ own, config, blobs }),
      signal,
      progress,
    });
    const { digest, bytes } = pushed;
    progress({ status: `${reference.tag}: digest: ${digest} size: ${bytes.length}` });
    await remember(room, { record, name: `${canonicalName(reference)}@${digest}`, digest, bytes, lease });
    progress({ progressDetail: {}, aux: { Tag: reference.tag, Digest: digest, Size: bytes.length } });
    publish(room, 'push', { id: familiar(reference), name: familiarName(reference), of: record.id });
  } finally {
    await collect(room, { blobs: lease.release(), layers: [] });
  }
}

function pushedLayers(
  room: ImageRoom,
  input: { record: ImageRecord; own: OwnManifest[]; reference: Reference; lease: Lease; signal: AbortSignal },
): PushedLayer[] {
  const { record, own, reference, lease, signal } = input;
  const here = layersOf(room, record);
  return record.diffIDs.map((diffID, i) => {
    // Its own first: then its manifest stays as it is.
    const mine = new Set(own.map(({ value }) => value.layers[i]!.digest));
    const named = namedBlobs(room, diffID).filter(({ blob }) => isCompressed(blob));
    const known = [
      ...named.filter(({ blob }) => mine.has(blob.digest)),
      ...named.filter(({ blob }) => !mine.has(blob.digest)),
    ];
    return {
      diffID,
      known: known.map(({ blob, names }) => ({ blob, sources: sourcesIn(names, reference) })),
      blob: async () => (isCompressed(here[i]!) ? here[i]! : compressLayer(room, here[i]!, { lease, signal })),
    };
  });
}

/** Other repositories of the same registry that have a blob. */
function sourcesIn(names: string[], { domain, path }: Reference): string[] {
  const others = names.map(parseReference).filter((name) => name.domain === domain && name.path !== path);
  return [...new Set(others.map((name) => name.path))].slice(0, MOST_SOURCES);
}

/** The image's own manifest where the registry has just its layers; else one as Docker writes it. */
function manifestFor(input: { own: OwnManifest[]; config: Descriptor; blobs: Descriptor[] }) {
  const { own, config, blobs } = input;
  const same = own.find(({ value }) => value.layers.every(({ digest }, i) => digest === blobs[i]!.digest));
  if (same) return { bytes: same.bytes, mediaType: same.mediaType };
  const zstd = blobs.some(({ mediaType }) => mediaType === MEDIA.ociLayerZstd);
  const types = zstd
    ? { manifest: MEDIA.ociManifest, config: MEDIA.ociConfig, layer: MEDIA.ociLayerGzip }
    : { manifest: MEDIA.dockerManifest, config: MEDIA.dockerConfig, layer: MEDIA.dockerLayerGzip };
  const layers = blobs.map(({ mediaType, digest, size }) => ({
    mediaType: mediaType === MEDIA.ociLayerZstd ? mediaType : types.layer,
    size,
    digest,
  }));
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: { mediaType: types.config, size: config.size, digest: config.digest },
    layers,
  };
  return { bytes: Buffer.from(JSON.stringify(manifest, null, 3)), mediaType: types.manifest };
}

/** The image is now known under this digest, too: unless it was removed meanwhile. */
async function remember(
  room: ImageRoom,
  input: { record: ImageRecord; name: string; digest: Digest; bytes: Buffer; lease: Lease },
): Promise<void> {
  const { record, name, digest, bytes, lease } = input;
  lease.hold(digest);
  await room.content.write(bytes, digest);
  if (!room.store.get(record.id)) return;
  room.store.add({ id: record.id, manifests: [digest], layers: [], diffIDs: record.diffIDs });
  room.store.name(name, record.id);
}

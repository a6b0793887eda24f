// `save`: images as one archive, which is Docker's (manifest.json) and an OCI layout (index.json) at once, as Docker 25 writes it.
// Blobs go in as they are here, compressed or not, so that nothing is computed. Runs in the daemon. image-spec image-layout.md;
// moby: image/tarexport/save.go

import { createReadStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { digestOf, hexOf, isDigest, type Digest } from '../../base/digest.ts';
import { notFound } from '../../base/errors.ts';
import { MEDIA, type Descriptor, type Manifest } from '../../base/oci-image.ts';
import { canonical, familiar, familiarName, parseReference, type Reference } from '../../registry/reference.ts';
import { BLOCK } from '../../snapshot/tar/header.ts';
import { headerOf } from '../../snapshot/tar/writer.ts';
import { nameOfBlob } from './archive-images.ts';
import { layersOf, manifestsOf } from './layer-blobs.ts';
import { find, holder, isDigestName, nameOf, namesIn, publish, requirePlatform, type ImageRoom } from './room.ts';
import type { ImageRecord } from './store.ts';

export interface SaveOptions {
  platform?: string;
  signal: AbortSignal;
  /** called once every image was found */
  open(): Writable;
}

/** @throws notFound with Docker's texts; the signal's reason */
export async function save(room: ImageRoom, names: string[], options: SaveOptions): Promise<void> {
  const lease = holder(room);
  try {
    const chosen = choose(room, names);
    for (const { record } of chosen) {
      requirePlatform(room, record, { subject: `image ${record.id}`, platform: options.platform });
      for (const digest of [record.id, ...record.manifests, ...record.layers]) lease.hold(digest);
    }
    const images = chosen.map(({ record, tags }) => saved(room, record, tags));
    await pipeline(archive(room, images), options.open(), { signal: options.signal });
    for (const { record } of chosen) publish(room, 'save', { id: record.id, name: record.id, of: record.id });
  } finally {
    lease.release();
  }
}

interface Chosen {
  record: ImageRecord;
  tags: Reference[];
}

/** The images that the names mean, each once, with the tags that go along: a bare repository means all of its tags. */
function choose(room: ImageRoom, names: string[]): Chosen[] {
  const chosen = new Map<Digest, Chosen>();
  const add = (record: ImageRecord, tag?: Reference) => {
    const known = chosen.get(record.id) ?? { record, tags: [] };
    chosen.set(record.id, known);
    if (tag && !known.tags.some((other) => canonical(other) === canonical(tag))) known.tags.push(tag);
  };
  for (const text of names) {
    if (isDigest(text) || /^[0-9a-f]{64}$/.test(text)) {
      add(find(room, text));
      continue;
    }
    const reference = parseReference(text);
    if (reference.tag !== undefined || reference.digest !== undefined) {
      const record = room.store.named(nameOf(reference));
      if (!record) throw notFound('reference does not exist');
      add(record, reference.digest === undefined ? reference : undefined);
      continue;
    }
    const tags = tagsOf(room, reference);
    for (const tag of tags) add(room.store.named(nameOf(tag))!, tag);
    if (tags.length > 0) continue;
    const record = room.store.byPrefix(text);
    if (!record) throw notFound(`No such image: ${text}`);
    add(record);
  }
  return [...chosen.values()];
}

function tagsOf(room: ImageRoom, repository: Reference): Reference[] {
  return namesIn(room, repository)
    .filter((name) => !isDigestName(name))
    .sort()
    .map(parseReference);
}

interface Saved {
  config: Descriptor;
  layers: Descriptor[];
  manifest: { descriptor: Descriptor; bytes: Buffer };
  tags: Reference[];
}

/** With its own manifest, where the blobs that it names are here; else with one that names those that are. */
function saved(room: ImageRoom, record: ImageRecord, tags: Reference[]): Saved {
  const layers = layersOf(room, record);
  const own = manifestsOf(room, record).find(({ value }) =>
    value.layers.every(({ digest }, i) => digest === layers[i]!.digest),
  );
  const config = { mediaType: MEDIA.ociConfig, digest: record.id, size: room.content.size(record.id)! };
  const made: Manifest = { schemaVersion: 2, mediaType: MEDIA.ociManifest, config, layers };
  const bytes = own?.bytes ?? Buffer.from(JSON.stringify(made));
  const descriptor = { mediaType: own?.mediaType ?? MEDIA.ociManifest, digest: digestOf(bytes), size: bytes.length };
  return { config, layers, manifest: { descriptor, bytes }, tags };
}

async function* archive(room: ImageRoom, images: Saved[]): AsyncGenerator<Uint8Array> {
  yield directory('blobs/');
  yield directory('blobs/sha256/');
  for (const { digest, content } of blobsOf(images)) {
    const size = content?.length ?? room.content.size(digest)!;
    yield header(nameOfBlob(digest), size);
    if (content) yield content;
    else yield* createReadStream(room.content.path(digest), { highWaterMark: 512 * 1024 }) as AsyncIterable<Buffer>;
    yield padding(size);
  }
  for (const [name, value] of Object.entries(tablesOf(images))) {
    const bytes = Buffer.from(JSON.stringify(value));
    yield header(name, bytes.length);
    yield bytes;
    yield padding(bytes.length);
  }
  yield Buffer.alloc(2 * BLOCK);
}

/** Every blob once, in order of the digests. `content`: one that need not be in the store. */
function blobsOf(images: Saved[]): { digest: Digest; content?: Buffer }[] {
  const blobs = new Map<Digest, Buffer | undefined>();
  for (const { config, layers, manifest } of images) {
    for (const { digest } of [config, ...layers]) blobs.set(digest, undefined);
    blobs.set(manifest.descriptor.digest, manifest.bytes);
  }
  const sorted = [...blobs].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([digest, content]) => ({ digest, ...(content && { content }) }));
}

/** What names the blobs, for each of the readers. */
function tablesOf(images: Saved[]): Record<string, unknown> {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { tags, layers } of images)
    for (const tag of tags) {
      const top = layers.at(-1);
      if (top) repositories[familiarName(tag)] = { ...repositories[familiarName(tag)], [tag.tag!]: hexOf(top.digest) };
    }
  return {
    'index.json': {
      schemaVersion: 2,
      mediaType: MEDIA.ociIndex,
      manifests: images.flatMap(({ manifest, tags }) =>
        tags.length === 0 ? [manifest.descriptor] : tags.map((tag) => ({ ...manifest.descriptor, ...annotated(tag) })),
      ),
    },
    'manifest.json': images.map(({ config, layers, tags }) => ({
      Config: nameOfBlob(config.digest),
      RepoTags: tags.length > 0 ? tags.map(familiar) : null,
      Layers: layers.map(({ digest }) => nameOfBlob(digest)),
    })),
    'oci-layout': { imageLayoutVersion: '1.0.0' },
    ...(Object.keys(repositories).length > 0 && { repositories }),
  };
}

function annotated(tag: Reference): { annotations: Record<string, string> } {
  return {
    annotations: { 'io.containerd.image.name': canonical(tag), 'org.opencontainers.image.ref.name': tag.tag! },
  };
}

function header(name: string, size: number): Buffer {
  return headerOf({ ...plain, name, type: 'file', mode: 0o644, size });
}

function directory(name: string): Buffer {
  return headerOf({ ...plain, name, type: 'directory', mode: 0o755, size: 0 });
}

const plain = { linkname: '', uid: 0, gid: 0, mtimeNs: 0n, xattrs: new Map<string, Buffer>() };

const padding = (size: number) => Buffer.alloc(-size & (BLOCK - 1));

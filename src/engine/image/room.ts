// What the verbs of images work with: their records, the content store, the layers, the registries, and those who use
// images. Declared here, wired by the daemon's main. Types and small look-ups only.

import { isDigest, type Digest } from '../../base/digest.ts';
import { messageOf, notFound } from '../../base/errors.ts';
import type { ImageConfig } from '../../base/oci-image.ts';
import type { ContentStore } from '../../content/store.ts';
import { CONFIG_LIMIT } from '../../registry/image-config.ts';
import type { RegistryClient } from '../../registry/client.ts';
import { formatPlatform, parsePlatform, platformMatches } from '../../registry/platform.ts';
import type { LayerSink } from '../../registry/pull.ts';
import {
  canonical,
  familiar,
  familiarName,
  parseReference,
  withDefaultTag,
  type Reference,
} from '../../registry/reference.ts';
import type { LayerArchive } from '../../snapshot/layer-archive.ts';
import type { ImageRecord, ImageStore } from './store.ts';

/** What images need of the snapshotter. */
export interface Layers extends LayerSink {
  list(): { diffID: Digest; size: number }[];
  /** @throws notFound */
  size(diffID: Digest): number;
  /** absolute directories, top first. @throws notFound */
  layers(diffIDs: Digest[]): string[];
  /** what a container changed, as an uncompressed archive in a new file. @throws notFound */
  archive(key: string, path: string): Promise<LayerArchive>;
  /** ends an active snapshot by making it the layer of that archive. @throws notFound */
  commit(key: string, archive: LayerArchive): Promise<void>;
  unpack(layer: Parameters<LayerSink['unpack']>[0]): Promise<{ size: number; entries: number }>;
  /** @throws conflict when a container stands on it */
  removeLayer(diffID: Digest): Promise<void>;
  listActive(): string[];
  layersOf(key: string): Digest[];
}

/** A container that was made from an image. */
export interface ImageUser {
  /** 64 digits */
  id: string;
  running: boolean;
}

export interface ImageRoom {
  store: ImageStore;
  content: ContentStore;
  layers: Layers;
  registry: RegistryClient;
  /** blobs and layers that a pull under way has verified or is about to: a collection spares them */
  held: Map<Digest, number>;
  /** parsed configs by id: they never change */
  configs: Map<Digest, ImageConfig>;
  usersOf(id: Digest): ImageUser[];
  publish(action: string, image: { id: string; name: string; labels?: Record<string, string> }): void;
}

/** The config of an image, verified when it is read for the first time. @throws notFound, internal when it is corrupt */
export function configOf(room: ImageRoom, id: Digest): ImageConfig {
  let config = room.configs.get(id);
  if (!config) {
    config = JSON.parse(room.content.read(id, CONFIG_LIMIT).toString('utf8')) as ImageConfig;
    room.configs.set(id, config);
  }
  return config;
}

/**
 * Finds an image by name, id or the beginning of an id, in Docker's order.
 * @throws notFound `No such image: x:latest`; invalidArgument when it can be neither
 */
export function find(room: ImageRoom, text: string): ImageRecord {
  const id = /^[0-9a-f]{64}$/.test(text) ? `sha256:${text}` : text;
  if (isDigest(id)) {
    const record = room.store.get(id);
    if (record) return record;
    throw notFound(`No such image: ${id}`);
  }
  let reference: Reference;
  try {
    reference = withDefaultTag(parseReference(text));
  } catch (error) {
    const record = room.store.byPrefix(text);
    if (record) return record;
    throw error;
  }
  const record = room.store.named(nameOf(reference)) ?? room.store.byPrefix(text);
  if (!record) throw notFound(`No such image: ${familiar(reference)}`);
  return record;
}

/** The name under which a reference is kept: with a digest, its tag does not count. */
export function nameOf(reference: Reference): string {
  const { tag, digest, ...repository } = withDefaultTag(reference);
  return canonical(digest === undefined ? { ...repository, tag } : { ...repository, digest });
}

/** `docker.io/library/busybox:latest` → what Docker shows. */
export const shown = (name: string) => familiar(parseReference(name));

/** The repository of a name, as Docker shows it. */
export const repositoryOf = (name: string) => familiarName(parseReference(name));

/** Every name that an image here has in a repository, with tags and with digests. */
export function namesIn(room: ImageRoom, repository: Reference): string[] {
  const names = room.store.list().flatMap(({ id }) => room.store.namesOf(id));
  return names.filter((name) => repositoryOf(name) === familiarName(repository));
}

/** @throws notFound when `subject`, as the message calls the image, is for another platform than the one asked for */
export function requirePlatform(
  room: ImageRoom,
  { id }: ImageRecord,
  { subject, platform }: { subject: string; platform: string | undefined },
): void {
  if (!platform) return;
  const wanted = parsePlatform(platform);
  if (platformMatches(configOf(room, id), wanted)) return;
  throw notFound(`${subject} does not provide the specified platform (${formatPlatform(wanted)})`);
}

export const isDigestName = (name: string) => name.includes('@');

/** RepoTags and RepoDigests of an image. */
export function repoNames(room: ImageRoom, id: Digest): { tags: string[]; digests: string[] } {
  const names = room.store.namesOf(id);
  return {
    tags: names.filter((name) => !isDigestName(name)).map(shown),
    digests: names.filter(isDigestName).map(shown),
  };
}

/** Bytes of all layers of an image; 0 for a layer that is missing (`system check` tells). */
export function sizeOf(room: ImageRoom, record: ImageRecord): number {
  return record.diffIDs.reduce((sum, diffID) => sum + (room.layers.has(diffID) ? room.layers.size(diffID) : 0), 0);
}

/** Spares digests from collection until `release` is called, which gives them back. */
export function holder(room: ImageRoom): { hold(digest: Digest): void; release(): Digest[] } {
  const mine: Digest[] = [];
  return {
    hold(digest) {
      mine.push(digest);
      room.held.set(digest, (room.held.get(digest) ?? 0) + 1);
    },
    release() {
      const released = mine.splice(0);
      for (const digest of released) {
        const count = (room.held.get(digest) ?? 1) - 1;
        if (count > 0) room.held.set(digest, count);
        else room.held.delete(digest);
      }
      return released;
    },
  };
}

/** Publishes an event of an image with its labels; an image whose config cannot be read has none. */
export function publish(room: ImageRoom, action: string, image: { id: string; name: string; of?: Digest }): void {
  let labels: Record<string, string> = {};
  try {
    if (image.of) labels = configOf(room, image.of).config?.Labels ?? {};
  } catch (error) {
    labels = { error: messageOf(error) };
  }
  room.publish(action, { id: image.id, name: image.name, labels });
}

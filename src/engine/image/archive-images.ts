// Which images an archive holds, in either form: Docker's manifest.json, or an OCI layout's index.json. Where both are there,
// manifest.json says which images and names, as for Docker, and the layout gives the manifests with their digests. Runs in the
// daemon. image-spec image-layout.md; moby: image/tarexport/load.go

import { hexOf, type Digest } from '../../base/digest.ts';
import { invalidArgument, messageOf, PunnetError } from '../../base/errors.ts';
import type { Descriptor, Platform } from '../../base/oci-image.ts';
import { checkManifest, CONFIG_LIMIT } from '../../registry/image-config.ts';
import { parseManifest } from '../../registry/manifest.ts';
import { choosePlatform, hostPlatform } from '../../registry/platform.ts';
import { parseReference, type Reference } from '../../registry/reference.ts';
import type { ArchiveFiles, StoredFile } from './archive-intake.ts';
import type { ImageRoom } from './room.ts';

export interface ArchivedImage {
  config: StoredFile;
  /** lowest first */
  layers: StoredFile[];
  /** where the archive has one */
  manifest?: Digest;
  names: Reference[];
}

/** @throws invalidArgument with Docker's texts */
export function imagesIn(room: ImageRoom, files: ArchiveFiles, platform: Platform | undefined): ArchivedImage[] {
  const layout = files.find('index.json') && files.find('oci-layout') ? layoutImages(room, files, platform) : undefined;
  if (files.find('manifest.json')) return dockerImages(room, files, layout ?? []);
  if (layout) return layout;
  throw invalidArgument('not an image archive: open manifest.json: no such file or directory', {
    fix: 'punnet import makes an image of an archive of files',
  });
}

function dockerImages(room: ImageRoom, files: ArchiveFiles, layout: ArchivedImage[]): ArchivedImage[] {
  const list = json(room, files, 'manifest.json');
  if (!Array.isArray(list)) throw invalidArgument('manifest.json: not a list');
  return list.map((item: unknown, i): ArchivedImage => {
    const { Config, Layers, RepoTags } = (item ?? {}) as { Config?: unknown; Layers?: unknown; RepoTags?: unknown };
    if (typeof Config !== 'string') throw invalidArgument(`manifest.json[${i}]: Config is not a name`);
    const config = files.get(Config);
    const layers = strings(Layers, `manifest.json[${i}].Layers`).map((name) => files.get(name));
    const names = strings(RepoTags, `manifest.json[${i}].RepoTags`).map(taggedName);
    const same = layout.find(
      (image) =>
        image.config.digest === config.digest &&
        image.layers.length === layers.length &&
        image.layers.every(({ digest }, at) => digest === layers[at]!.digest),
    );
    return { config, layers, names, ...(same?.manifest && { manifest: same.manifest }) };
  });
}

function taggedName(text: string): Reference {
  const reference = parseReference(text);
  if (reference.tag === undefined || reference.digest !== undefined) throw invalidArgument(`invalid tag "${text}"`);
  return reference;
}

function layoutImages(room: ImageRoom, files: ArchiveFiles, platform: Platform | undefined): ArchivedImage[] {
  const index = json(room, files, 'index.json') as { manifests?: { annotations?: Record<string, unknown> }[] };
  const parsed = parseManifest(room.content.read(files.get('index.json').digest, CONFIG_LIMIT), undefined);
  if (parsed.kind !== 'index') throw invalidArgument('index.json: not an index');
  const images = new Map<Digest, ArchivedImage>();
  for (const [i, descriptor] of parsed.value.manifests.entries()) {
    const image = imageOf(room, files, { descriptor, platform });
    if (!image) continue;
    const known = images.get(image.manifest!) ?? image;
    images.set(image.manifest!, known);
    const name = annotatedName(index.manifests?.[i]?.annotations ?? {});
    if (name) known.names.push(name);
  }
  return [...images.values()];
}

/** The image of a descriptor; undefined for what is no image (an attestation) or has none of its blobs in the archive. */
function imageOf(
  room: ImageRoom,
  files: ArchiveFiles,
  { descriptor, platform }: { descriptor: Descriptor; platform: Platform | undefined },
): ArchivedImage | undefined {
  if (descriptor.platform?.os === 'unknown') return undefined;
  const found = parseManifest(room.content.read(blobIn(files, descriptor).digest, CONFIG_LIMIT), descriptor.mediaType);
  if (found.kind === 'index') {
    const here = found.value.manifests.filter(({ digest }) => files.find(nameOfBlob(digest)));
    const chosen = choosePlatform(here, platform ?? hostPlatform());
    return imageOf(room, files, { descriptor: chosen, platform });
  }
  checkManifest(found.value);
  const layers = found.value.layers.map((layer) => blobIn(files, layer));
  return { config: blobIn(files, found.value.config), layers, manifest: descriptor.digest, names: [] };
}

/** Where an OCI layout has a blob. */
export const nameOfBlob = (digest: Digest) => `blobs/sha256/${hexOf(digest)}`;

function blobIn(files: ArchiveFiles, { digest }: Descriptor): StoredFile {
  const file = files.get(nameOfBlob(digest));
  if (file.digest === digest) return file;
  throw invalidArgument(`blob verification failed: expected ${digest}, found ${file.digest} (${file.size} bytes)`);
}

/** containerd's whole name; or the layout's own, where it is more than a tag. */
function annotatedName(annotations: Record<string, unknown>): Reference | undefined {
  const whole = annotations['io.containerd.image.name'];
  const own = annotations['org.opencontainers.image.ref.name'];
  const text = typeof whole === 'string' ? whole : own;
  if (typeof text !== 'string' || !/[/:]/.test(text)) return undefined;
  try {
    return taggedName(text);
  } catch (error) {
    if (error instanceof PunnetError) return undefined;
    throw error;
  }
}

function json(room: ImageRoom, files: ArchiveFiles, name: string): unknown {
  const bytes = room.content.read(files.get(name).digest, CONFIG_LIMIT);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw invalidArgument(`${name}: ${messageOf(error)}`, { cause: error });
  }
}

function strings(value: unknown, what: string): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string'))
    throw invalidArgument(`${what}: not a list of names`);
  return value;
}

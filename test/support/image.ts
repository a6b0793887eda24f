// Images as values: made in memory from tar entries, read from an OCI layout, or from a root filesystem archive.
// The tests push them into a real registry (registry.ts). Headers are node-tar's, so that names and modes may be hostile.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, gunzipSync } from 'node:zlib';
import { Header } from 'tar';

export interface Blob {
  mediaType: string;
  digest: string;
  size: number;
  bytes: Buffer;
}

export interface Image {
  manifest: Blob;
  config: Blob;
  /** lowest first */
  layers: Blob[];
}

export const MEDIA = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  layerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

export const sha256 = (bytes: Buffer | string) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A blob of these bytes. */
export function blob(mediaType: string, bytes: Buffer | string): Blob {
  const buffer = Buffer.from(bytes);
  return { mediaType, bytes: buffer, digest: sha256(buffer), size: buffer.length };
}

const descriptor = ({ mediaType, digest, size }: Blob) => ({ mediaType, digest, size });

export interface Entry {
  name: string;
  type?: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'CharacterDevice' | 'BlockDevice' | 'FIFO';
  content?: string | Buffer;
  mode?: number;
  uid?: number;
  gid?: number;
  linkname?: string;
  mtime?: Date;
}

/** An uncompressed ustar archive with exactly these entries, in this order, names unchecked. */
export function tarOf(entries: Entry[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const content = Buffer.from(entry.content ?? '');
    const type = entry.type ?? (entry.name.endsWith('/') ? 'Directory' : 'File');
    const header = new Header({
      path: entry.name,
      type,
      mode: entry.mode ?? (type === 'Directory' ? 0o755 : 0o644),
      uid: entry.uid ?? 0,
      gid: entry.gid ?? 0,
      size: content.length,
      mtime: entry.mtime ?? new Date('2026-01-01T00:00:00Z'),
      linkpath: entry.linkname ?? '',
    });
    const block = Buffer.alloc(512);
    header.encode(block);
    parts.push(block, content, Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  parts.push(Buffer.alloc(1024));
  return Buffer.concat(parts);
}

export interface ImageOptions {
  /** the `config` object of the image config: Cmd, Env, Entrypoint, User… */
  config?: Record<string, unknown>;
  architecture?: string;
  variant?: string;
  os?: string;
  /** Docker's media types instead of OCI's */
  docker?: boolean;
}

/** An image of these layers, each given as an uncompressed tar (stored as gzip) or as its entries. */
export function imageOf(layers: (Buffer | Entry[])[], options: ImageOptions = {}): Image {
  const tars = layers.map((layer) => (Buffer.isBuffer(layer) ? layer : tarOf(layer)));
  return assemble(
    tars.map((tar) => ({
      blob: blob(options.docker ? MEDIA.dockerLayer : MEDIA.layerGzip, gzipSync(tar)),
      diffID: sha256(tar),
    })),
    options,
  );
}

/** An image of ready layer blobs with the diffIDs that its config shall claim. */
export function assemble(layers: { blob: Blob; diffID: string }[], options: ImageOptions = {}): Image {
  const config = blob(
    options.docker ? MEDIA.dockerConfig : MEDIA.config,
    JSON.stringify({
      created: '2026-01-01T00:00:00Z',
      architecture: options.architecture ?? ({ x64: 'amd64' } as Record<string, string>)[process.arch] ?? process.arch,
      ...(options.variant && { variant: options.variant }),
      os: options.os ?? 'linux',
      config: {
        Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
        Cmd: ['sh'],
        ...options.config,
      },
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffID) },
      history: layers.map(() => ({ created: '2026-01-01T00:00:00Z', created_by: 'test' })),
    }),
  );
  const mediaType = options.docker ? MEDIA.dockerManifest : MEDIA.manifest;
  const manifest = blob(
    mediaType,
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: descriptor(config),
      layers: layers.map((layer) => descriptor(layer.blob)),
    }),
  );
  return { manifest, config, layers: layers.map((layer) => layer.blob) };
}

/** The index of these images, each with the platform that it is to claim. */
export function indexOf(
  images: { image: Image; platform: { os: string; architecture: string; variant?: string } }[],
  options: { docker?: boolean } = {},
): Blob {
  const mediaType = options.docker ? MEDIA.dockerIndex : MEDIA.index;
  const manifests = images.map(({ image, platform }) => ({ ...descriptor(image.manifest), platform }));
  return blob(mediaType, JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
}

/** Reads the first image of an OCI layout directory; every blob is checked against its name. */
export function readLayout(directory: string): Image {
  const read = (item: { mediaType: string; digest: string }): Blob => {
    const found = blob(
      item.mediaType,
      readFileSync(join(directory, 'blobs/sha256', item.digest.replace('sha256:', ''))),
    );
    if (found.digest !== item.digest)
      throw new Error(`${directory}: blob ${item.digest} has the digest ${found.digest}`);
    return found;
  };
  let top = read((JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8')) as Index).manifests[0]!);
  if (top.mediaType === MEDIA.index || top.mediaType === MEDIA.dockerIndex)
    top = read((JSON.parse(top.bytes.toString()) as Index).manifests[0]!);
  const manifest = JSON.parse(top.bytes.toString()) as { config: Blob; layers: Blob[] };
  return { manifest: top, config: read(manifest.config), layers: manifest.layers.map(read) };
}

interface Index {
  manifests: { mediaType: string; digest: string }[];
}

/** An image with the one layer that a `.tar.gz` of a root filesystem is. */
export function readRootfs(archive: string, options: ImageOptions = {}): Image {
  const bytes = readFileSync(archive);
  return assemble([{ blob: blob(MEDIA.layerGzip, bytes), diffID: sha256(gunzipSync(bytes)) }], options);
}

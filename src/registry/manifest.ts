// Manifests and indexes as a registry gives them: fetched under a limit, hashed, and checked field by field before anything
// believes them. Runs in the daemon. image-spec manifest.md, image-index.md; distribution-spec "Pulling manifests"

import { digestOf, isDigest, type Digest } from '../base/digest.ts';
import { MEDIA, type Descriptor, type Index, type Manifest } from '../base/oci-image.ts';
import { RegistryFailure } from './failure.ts';
import type { Session } from './session.ts';
import { readBody } from './transport.ts';

/** Bytes; what registries and containerd allow. */
const LIMIT = 4 * 1024 * 1024;
const ACCEPT = [MEDIA.ociIndex, MEDIA.ociManifest, MEDIA.dockerList, MEDIA.dockerManifest].join(', ');

export type Fetched = { bytes: Buffer; digest: Digest; mediaType: string } & (
  { kind: 'index'; value: Index } | { kind: 'manifest'; value: Manifest }
);

/**
 * Fetches a manifest or index by tag or digest.
 * @throws RegistryFailure: unknown; its bytes are not the digest asked for (naming both); not an image; schema 1
 */
export async function fetchManifest(
  session: Session,
  reference: { tag: string } | { digest: Digest; size?: number },
): Promise<Fetched> {
  const name = 'digest' in reference ? reference.digest : reference.tag;
  const answer = await session.get(`manifests/${name}`, { accept: ACCEPT });
  const bytes = await readBody(answer, LIMIT);
  const digest = digestOf(bytes);
  if ('digest' in reference && digest !== reference.digest)
    throw new RegistryFailure(
      `manifest verification failed for digest ${reference.digest}: found ${digest} (${bytes.length} bytes)`,
    );
  return { bytes, digest, ...parseManifest(bytes, contentType(answer.headers['content-type'])) };
}

/**
 * Checks the bytes of a manifest or index. `declared` is the media type that came with them.
 * @throws RegistryFailure naming what is wrong
 */
export function parseManifest(
  bytes: Buffer,
  declared: string | undefined,
): { mediaType: string } & ({ kind: 'index'; value: Index } | { kind: 'manifest'; value: Manifest }) {
  const value = json(bytes);
  const mediaType = mediaTypeOf(value, declared);
  if (mediaType === MEDIA.ociIndex || mediaType === MEDIA.dockerList) {
    // A document that is both can be read as one thing here and as another elsewhere (CVE-2021-41190).
    if ('layers' in value || 'config' in value || 'fsLayers' in value) throw bad('an index that is a manifest, too');
    const manifests = list(value.manifests, 'manifests').map((item, i) => descriptor(item, `manifests[${i}]`));
    return { kind: 'index', mediaType, value: { schemaVersion: 2, mediaType, manifests } };
  }
  if (mediaType === MEDIA.ociManifest || mediaType === MEDIA.dockerManifest) {
    if ('manifests' in value || 'fsLayers' in value) throw bad('a manifest that is an index, too');
    const layers = list(value.layers, 'layers').map((item, i) => descriptor(item, `layers[${i}]`));
    return {
      kind: 'manifest',
      mediaType,
      value: { schemaVersion: 2, mediaType, config: descriptor(value.config, 'config'), layers },
    };
  }
  throw new RegistryFailure(`unsupported manifest media type ${JSON.stringify(mediaType)}`);
}

function json(bytes: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new RegistryFailure('invalid manifest: not JSON', { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('not a JSON object');
  return value as Record<string, unknown>;
}

function mediaTypeOf(value: Record<string, unknown>, declared: string | undefined): string {
  if (value.schemaVersion === 1 || declared?.includes('docker.distribution.manifest.v1+'))
    throw new RegistryFailure('Docker Image manifest version 2, schema 1 is not supported', {
      fix: 'ask the author to push the image again: every current builder writes schema 2 or OCI',
    });
  if (value.schemaVersion !== 2) throw bad(`schemaVersion is ${JSON.stringify(value.schemaVersion)}`);
  const own = value.mediaType;
  if (own !== undefined && typeof own !== 'string') throw bad('mediaType is not a string');
  const known = declared !== undefined && MANIFESTS.has(declared) ? declared : undefined;
  if (own && known && own !== known) throw bad(`it says ${own}, the registry says ${known}`);
  const mediaType = own ?? known;
  if (mediaType) return mediaType;
  return 'manifests' in value ? MEDIA.ociIndex : MEDIA.ociManifest;
}

const MANIFESTS = new Set<string>([MEDIA.ociIndex, MEDIA.ociManifest, MEDIA.dockerList, MEDIA.dockerManifest]);

function list(value: unknown, name: string): unknown[] {
  if (!Array.isArray(value)) throw bad(`${name} is not a list`);
  return value;
}

function descriptor(value: unknown, name: string): Descriptor {
  const item = (value ?? {}) as Partial<Descriptor>;
  if (typeof item.digest !== 'string' || !isDigest(item.digest)) throw bad(`${name}: no sha256 digest`);
  if (typeof item.mediaType !== 'string') throw bad(`${name}: no media type`);
  if (!Number.isSafeInteger(item.size) || item.size! < 0) throw bad(`${name}: no size`);
  const { mediaType, digest, size, platform } = item as Descriptor;
  if (platform === undefined || platform === null) return { mediaType, digest, size };
  if (typeof platform.os !== 'string' || typeof platform.architecture !== 'string')
    throw bad(`${name}: its platform has no os or architecture`);
  if (platform.variant !== undefined && typeof platform.variant !== 'string') throw bad(`${name}: variant`);
  return { mediaType, digest, size, platform };
}

const bad = (what: string) => new RegistryFailure(`invalid manifest: ${what}`);

function contentType(value: string | undefined): string | undefined {
  return value?.split(';')[0]!.trim().toLowerCase();
}

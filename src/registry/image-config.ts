// The config of an image, checked before its diffIDs are believed: it must be Linux's, and have a diffID for every layer.
// Pure. image-spec config.md

import { isDigest } from '../base/digest.ts';
import { MEDIA, type Descriptor, type ImageConfig, type Manifest } from '../base/oci-image.ts';
import { RegistryFailure } from './failure.ts';

/** Layers; what one page of mount(2) data holds, and Docker's own limit. */
export const MOST_LAYERS = 127;
/** Bytes; a config is some KiB. */
export const CONFIG_LIMIT = 8 * 1024 * 1024;

const LAYERS = new Set<string>([
  MEDIA.ociLayer,
  MEDIA.ociLayerGzip,
  MEDIA.ociLayerZstd,
  MEDIA.dockerLayer,
  MEDIA.dockerLayerGzip,
]);

/** Refuses manifests that are no images, before any blob is fetched. @throws RegistryFailure */
export function checkManifest(manifest: Manifest): void {
  const { config, layers } = manifest;
  if (config.mediaType !== MEDIA.ociConfig && config.mediaType !== MEDIA.dockerConfig)
    throw new RegistryFailure(`not an image: its config has the media type ${JSON.stringify(config.mediaType)}`);
  if (config.size > CONFIG_LIMIT)
    throw new RegistryFailure(`image config ${config.digest}: ${config.size} bytes is too large`);
  if (layers.length > MOST_LAYERS) throw new RegistryFailure(`max depth exceeded: ${layers.length} layers`);
  for (const layer of layers) if (!LAYERS.has(layer.mediaType)) throw refusedLayer(layer);
}

function refusedLayer({ digest, mediaType }: Descriptor): RegistryFailure {
  const why = /nondistributable|foreign/.test(mediaType)
    ? 'is not distributable: punnet does not fetch layers from foreign URLs'
    : /encrypted/.test(mediaType)
      ? 'is encrypted'
      : 'has an unsupported media type';
  return new RegistryFailure(`layer ${digest} ${why} (${mediaType})`);
}

/** Parses and checks the bytes of the config that belongs to `manifest`. @throws RegistryFailure */
export function parseConfig(bytes: Buffer, manifest: Manifest): ImageConfig {
  const { digest } = manifest.config;
  let config: ImageConfig;
  try {
    config = JSON.parse(bytes.toString('utf8')) as ImageConfig;
  } catch (error) {
    throw new RegistryFailure(`image config ${digest}: not JSON`, { cause: error });
  }
  if (typeof config !== 'object' || config === null) throw new RegistryFailure(`image config ${digest}: not an object`);
  if (typeof config.os !== 'string' || typeof config.architecture !== 'string')
    throw new RegistryFailure(`image config ${digest}: no os or architecture`);
  if (config.os !== 'linux')
    throw new RegistryFailure(`image operating system "${config.os}" cannot be used on this platform`);
  const diffIDs = config.rootfs?.diff_ids;
  if (!Array.isArray(diffIDs) || !diffIDs.every((id) => typeof id === 'string' && isDigest(id)))
    throw new RegistryFailure(`image config ${digest}: rootfs.diff_ids is not a list of digests`);
  if (diffIDs.length !== manifest.layers.length)
    throw new RegistryFailure(
      `image config ${digest}: ${diffIDs.length} diffIDs for ${manifest.layers.length} layers: layers from manifest don't match image configuration`,
    );
  return config;
}

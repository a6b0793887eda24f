// What a registry has under a name, without pulling it: the descriptor of the manifest or index, and its platforms. Runs in
// the daemon. Engine API: DistributionInspect; moby daemon/server/router/distribution

import { notFound } from '../base/errors.ts';
import type { Descriptor, Platform } from '../base/oci-image.ts';
import { RegistryFailure } from './failure.ts';
import { CONFIG_LIMIT, checkManifest, parseConfig } from './image-config.ts';
import { reach, type ReachOptions } from './reach.ts';
import { readBody } from './transport.ts';

/** @throws PunnetError with Docker's texts */
export async function inspect(options: ReachOptions): Promise<{ Descriptor: Descriptor; Platforms: Platform[] }> {
  try {
    const { session, top } = await reach(options);
    const Descriptor = { mediaType: top.mediaType, digest: top.digest, size: top.bytes.length };
    if (top.kind === 'index') {
      const Platforms = top.value.manifests
        .map(({ platform }) => platform)
        .filter((platform) => platform !== undefined);
      return { Descriptor, Platforms };
    }
    checkManifest(top.value);
    const { digest, size } = top.value.config;
    if (size > CONFIG_LIMIT) throw new RegistryFailure(`config ${digest}: ${size} bytes are too many`);
    const bytes = await readBody(await session.get(`blobs/${digest}`), size);
    const { os, architecture, variant } = parseConfig(bytes, top.value);
    return { Descriptor, Platforms: [{ os, architecture, ...(variant !== undefined && { variant }) }] };
  } catch (error) {
    // As the registry said it: only a pull speaks of the image.
    const unknown = error instanceof RegistryFailure && UNKNOWN.has(error.code ?? '');
    throw unknown ? notFound(error.message, { cause: error }) : error;
  }
}

const UNKNOWN = new Set(['MANIFEST_UNKNOWN', 'NAME_UNKNOWN']);

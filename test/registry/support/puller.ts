// Pulls into a new content store with a sink that decompresses and hashes layers in memory: the registry room on its own.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Credentials } from '../../../src/base/docker-config.ts';
import { digestOf, type Digest } from '../../../src/base/digest.ts';
import { ContentStore } from '../../../src/content/store.ts';
import { RegistryClient, type RegistryClientOptions } from '../../../src/registry/client.ts';
import { parsePlatform } from '../../../src/registry/platform.ts';
import type { PullLine } from '../../../src/registry/progress.ts';
import { pull, type LayerSink, type Pulled } from '../../../src/registry/pull.ts';
import { parseReference, withDefaultTag } from '../../../src/registry/reference.ts';
import { scratch } from '../../support/scratch.ts';

export class MemoryLayers implements LayerSink {
  readonly layers = new Set<Digest>();

  has(diffID: Digest): boolean {
    return this.layers.has(diffID);
  }

  unpack(layer: Parameters<LayerSink['unpack']>[0]): Promise<void> {
    const bytes = readFileSync(layer.path);
    layer.onProgress(bytes.length);
    const found = digestOf(bytes[0] === 0x1f ? gunzipSync(bytes) : bytes);
    if (found !== layer.diffID) return Promise.reject(new Error(`expected diffID ${layer.diffID}, found ${found}`));
    this.layers.add(layer.diffID);
    return Promise.resolve();
  }
}

export interface Puller {
  content: ContentStore;
  layers: MemoryLayers;
  client: RegistryClient;
  pull(
    reference: string,
    options?: { platform?: string; credentials?: Credentials; signal?: AbortSignal; lines?: PullLine[] },
  ): Promise<Pulled>;
}

/** A puller with an empty store; back-off is a millisecond, so that tests need not wait. */
export function makePuller(options: Partial<RegistryClientOptions> = {}): Puller {
  const content = new ContentStore(scratch('content'));
  const layers = new MemoryLayers();
  const client = new RegistryClient({ config: () => ({ mirrors: [], insecure: [] }), backoff: 1, env: {}, ...options });
  return {
    content,
    layers,
    client,
    pull: (reference, given = {}) =>
      pull({
        client,
        content,
        layers,
        reference: withDefaultTag(parseReference(reference)),
        ...(given.platform !== undefined && { platform: parsePlatform(given.platform) }),
        ...(given.credentials && { credentials: given.credentials }),
        known: () => false,
        hold: () => {},
        signal: given.signal ?? new AbortController().signal,
        progress: (line) => given.lines?.push(line),
      }),
  };
}

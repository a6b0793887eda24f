// The image half of the engine over a real content store and a real registry; layers are hashed but kept in memory, and
// containers are a list that the test writes.

import { join } from 'node:path';
import type { ProgressLine } from '../../../src/api/types.ts';
import { digestOf, type Digest } from '../../../src/base/digest.ts';
import { conflict, notFound } from '../../../src/base/errors.ts';
import { ContentStore } from '../../../src/content/store.ts';
import { Images } from '../../../src/engine/image/images.ts';
import type { ImageUser, Layers } from '../../../src/engine/image/room.ts';
import { RegistryClient } from '../../../src/registry/client.ts';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { scratch } from '../../support/scratch.ts';

class FakeLayers implements Layers {
  readonly sizes = new Map<Digest, number>();
  readonly active = new Map<string, Digest[]>();

  has = (diffID: Digest) => this.sizes.has(diffID);
  list = () => [...this.sizes].map(([diffID, size]) => ({ diffID, size }));
  layers = (diffIDs: Digest[]) => diffIDs.toReversed().map((diffID) => `/layer/${diffID.slice(7, 19)}/fs`);
  listActive = () => [...this.active.keys()];
  layersOf = (key: string) => this.active.get(key)!;

  size(diffID: Digest): number {
    const size = this.sizes.get(diffID);
    if (size === undefined) throw notFound(`layer ${diffID}`);
    return size;
  }

  unpack(layer: Parameters<Layers['unpack']>[0]): Promise<{ size: number; entries: number }> {
    const bytes = readFileSync(layer.path);
    const tar = bytes[0] === 0x1f ? gunzipSync(bytes) : bytes;
    const found = digestOf(tar);
    if (found !== layer.diffID) return Promise.reject(new Error(`expected diffID ${layer.diffID}, found ${found}`));
    this.sizes.set(layer.diffID, tar.length);
    return Promise.resolve({ size: tar.length, entries: 1 });
  }

  archive = () => Promise.reject(new Error('these containers have no files'));
  commit = () => Promise.reject(new Error('these containers have no files'));

  removeLayer(diffID: Digest): Promise<void> {
    if ([...this.active.values()].some((stack) => stack.includes(diffID))) return Promise.reject(conflict('in use'));
    this.sizes.delete(diffID);
    return Promise.resolve();
  }
}

export interface Bench {
  images: Images;
  content: ContentStore;
  layers: FakeLayers;
  directory: string;
  /** containers by image id */
  users: Map<string, ImageUser[]>;
  events: string[];
  pull(reference: string, options?: { platform?: string }): Promise<ProgressLine[]>;
  /** another daemon on the same data */
  reopen(): Bench;
}

export function makeBench(directory = scratch('images'), layers = new FakeLayers()): Bench {
  const content = new ContentStore(join(directory, 'content'));
  const users = new Map<string, ImageUser[]>();
  const events: string[] = [];
  const registry = new RegistryClient({ config: () => ({ mirrors: [], insecure: [] }), backoff: 1, env: {} });
  const images = new Images({
    directory: join(directory, 'image'),
    content,
    layers,
    registry,
    usersOf: (id) => users.get(id) ?? [],
    publish: (action, { name }) => events.push(`${action} ${name}`),
  });
  return {
    images,
    content,
    layers,
    directory,
    users,
    events,
    async pull(reference, options = {}) {
      const lines: ProgressLine[] = [];
      const { signal } = new AbortController();
      await images.pull(reference, { ...options, signal, progress: (line) => lines.push(line) });
      return lines;
    },
    reopen: () => makeBench(directory, layers),
  };
}

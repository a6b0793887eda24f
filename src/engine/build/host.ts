// What a build needs, made of the engine's images, snapshots and containers. Runs in the daemon.

import { randomBytes } from 'node:crypto';
import { notFound, PunnetError } from '../../base/errors.ts';
import type { BaseImage, BuildHost, ImageRequest, LayerBlob, Workspace } from '../../build/host.ts';
import type { AuthConfig } from '../../api/types.ts';
import type { ContentStore } from '../../content/store.ts';
import { hostPlatform } from '../../registry/platform.ts';
import { parseReference } from '../../registry/reference.ts';
import { clampTimes } from '../../snapshot/clamp-times.ts';
import type { Snapshotter } from '../../snapshot/snapshotter.ts';
import { CONTAINER_INIT } from '../container/init-entries.ts';
import type { Room } from '../container/room.ts';
import type { Images } from '../image/images.ts';
import { run } from './run.ts';

export interface EngineParts {
  room: Room;
  images: Images;
  snapshotter: Snapshotter;
  content: ContentStore;
}

export function buildHost(parts: EngineParts): BuildHost {
  const { room, images, snapshotter, content } = parts;
  return {
    platform: hostPlatform,
    image: (reference, request) => baseImage(images, reference, request),
    async workspace(layers) {
      const key = `build-${randomBytes(12).toString('hex')}`;
      snapshotter.prepare(
        key,
        layers.map(({ diffID }) => diffID),
      );
      return Promise.resolve(workspace(parts, key));
    },
    directories: (layers) => snapshotter.layers(layers.map(({ diffID }) => diffID)),
    has: ({ diffID, digest }) => snapshotter.has(diffID) && content.has(digest),
    run: (request) =>
      run(
        {
          room,
          prepare: (key, diffIDs, points) =>
            snapshotter.prepare(key, diffIDs, { init: [...CONTAINER_INIT, ...points] }),
          workspace: (key) => workspace(parts, key),
        },
        request,
      ),
    async save(config, layers, names) {
      const lease = images.lease();
      try {
        const id = await images.make({ config, layers, lease });
        for (const name of names) await images.tag(id, repoAndTag(name));
        return id;
      } finally {
        lease.release();
      }
    },
    async name(id, names) {
      for (const name of names) await images.tag(id, repoAndTag(name));
    },
    hold(layers) {
      const lease = images.lease();
      for (const { digest, diffID } of layers) {
        lease.hold(digest);
        lease.hold(diffID);
      }
      return async () => {
        lease.release();
        await images.released(layers.map(({ diffID }) => diffID));
      };
    },
  };
}

function repoAndTag(name: string): { repo: string; tag?: string } {
  const { tag } = parseReference(name);
  return tag === undefined ? { repo: name } : { repo: name.slice(0, -tag.length - 1), tag };
}

function workspace({ images, snapshotter, content }: EngineParts, key: string): Workspace {
  return {
    writer: () => snapshotter.writer(key),
    async seal({ latest }) {
      if (latest !== undefined) clampTimes(snapshotter.upper(key), BigInt(latest) * 1_000_000n);
      const lease = images.lease();
      try {
        const { entries, ...layer } = await images.layerFromSnapshot(key, { lease, consume: true });
        return entries === 0 ? undefined : blobOf(layer);
      } finally {
        lease.release();
      }
    },
    discard: () => snapshotter.removeActive(key),
  };
  function blobOf({ mediaType, digest, size, diffID }: LayerBlob): LayerBlob {
    return { mediaType, digest, size: content.size(digest) ?? size, diffID };
  }
}

/** Local first, unless a pull is asked for. */
async function baseImage(images: Images, reference: string, request: ImageRequest): Promise<BaseImage> {
  const { platform, pull, credentials, signal, progress } = request;
  const here = () => {
    const { id, config, diffIDs } = images.resolve(reference, platform);
    return { id, config, layers: images.layersOf(id).map((layer, at) => ({ ...layer, diffID: diffIDs[at]! })) };
  };
  if (!pull || isId(reference)) {
    try {
      return here();
    } catch (error) {
      if (!(error instanceof PunnetError) || error.kind !== 'notFound' || isId(reference)) throw error;
    }
  }
  const auth = credentialsFor(reference, credentials);
  await images.pull(reference, { signal, progress, ...(platform && { platform }), ...(auth && { auth }) });
  try {
    return here();
  } catch (error) {
    // Someone removed it between the two.
    throw notFound(`base image ${reference} is gone again`, { cause: error });
  }
}

const isId = (reference: string) => /^sha256:[0-9a-f]{64}$/.test(reference);

function credentialsFor(reference: string, credentials: ImageRequest['credentials']): AuthConfig | undefined {
  const { domain } = parseReference(reference);
  const names = domain === 'docker.io' ? ['https://index.docker.io/v1/', 'docker.io', 'index.docker.io'] : [domain];
  const found = names.flatMap((name) => [name, `https://${name}`, `https://${name}/`, `https://${name}/v1/`]);
  return found.map((name) => credentials[name]).find((auth) => auth !== undefined);
}

// `pull`: the registry brings blobs and layers, then the record is written, then the names are given; killed in between,
// nothing has a name that is not whole. Runs in the daemon. moby: distribution/pull_v2.go

import type { ImageBackend } from '../../api/backend.ts';
import { digestOf, type Digest } from '../../base/digest.ts';
import { messageOf } from '../../base/errors.ts';
import type { Platform } from '../../base/oci-image.ts';
import { formatPlatform, parsePlatform, platformMatches } from '../../registry/platform.ts';
import { pull as pullFromRegistry } from '../../registry/pull.ts';
import { canonicalName, familiar, familiarName, parseReference, withDefaultTag } from '../../registry/reference.ts';
import { collect } from './collect.ts';
import { credentialsOf } from './credentials.ts';
import { blobOf } from './layer-blobs.ts';
import { configOf, holder, nameOf, publish, type ImageRoom } from './room.ts';

type Options = Parameters<ImageBackend['pull']>[1];

/** @throws PunnetError with Docker's texts; the signal's reason when the client left */
export async function pull(room: ImageRoom, text: string, options: Options): Promise<void> {
  const reference = withDefaultTag(parseReference(text));
  const platform = options.platform ? parsePlatform(options.platform) : undefined;
  const { hold, release } = holder(room);
  try {
    const pulled = await pullFromRegistry({
      client: room.registry,
      reference,
      ...(platform && { platform }),
      ...(options.auth && { credentials: credentialsOf(options.auth) }),
      content: room.content,
      layers: {
        has: (diffID) => hasLayer(room, diffID, hold),
        unpack: (layer) => room.layers.unpack(layer),
      },
      known: (config) => isWhole(room, config),
      hold,
      signal: options.signal,
      progress: options.progress,
    });
    options.progress({ status: `Digest: ${pulled.digest}` });
    const diffIDs = pulled.imageConfig.rootfs.diff_ids;
    room.store.add({
      id: pulled.config,
      manifests: [...new Set([pulled.digest, pulled.manifest])],
      layers: pulled.layers.map(({ digest }, i) =>
        room.content.has(digest) ? digest : blobOf(room, diffIDs[i]!)!.digest,
      ),
      diffIDs,
    });
    const name = nameOf(reference);
    const changed = room.store.named(name)?.id !== pulled.config;
    room.store.name(`${canonicalName(reference)}@${pulled.digest}`, pulled.config);
    if (changed && reference.digest === undefined) room.store.name(name, pulled.config);
    const what = changed ? 'Downloaded newer image' : 'Image is up to date';
    options.progress({ status: `Status: ${what} for ${familiar(reference)}` });
    warnOfPlatform(room, { text: familiarName(reference), id: pulled.config, platform, options });
    publish(room, 'pull', { id: familiar(reference), name: familiarName(reference), of: pulled.config });
  } catch (error) {
    const held = release();
    if (isDiskFull(error)) await freeSpace(room, held);
    throw error;
  } finally {
    release();
  }
}

const isDiskFull = (error: unknown) => /\b(ENOSPC|EDQUOT)\b/.test(messageOf(error));

/** What came down is kept for the next try, but not on a full disk: no `rmi` could free what has no name. */
async function freeSpace(room: ImageRoom, digests: Digest[]): Promise<void> {
  try {
    await collect(room, { blobs: digests, layers: digests });
  } catch {
    // The full disk is the news; what could not be freed now goes at the next start.
  }
}

/** Whether a layer is here with a blob of it, which another image may have brought; push and save need one. Both are held. */
function hasLayer(room: ImageRoom, diffID: Digest, hold: (digest: Digest) => void): boolean {
  if (!room.layers.has(diffID)) return false;
  const blob = blobOf(room, diffID);
  if (!blob) return false;
  hold(blob.digest);
  return true;
}

/** Whether an image is here with all that it needs. */
function isWhole(room: ImageRoom, id: Digest): boolean {
  const record = room.store.get(id);
  if (!record || !room.content.has(id)) return false;
  return record.diffIDs.every((diffID) => room.layers.has(diffID) && blobOf(room, diffID) !== undefined);
}

/** A registry's only manifest may be for another platform than the one asked for: Docker warns, and keeps it. */
function warnOfPlatform(
  room: ImageRoom,
  input: { text: string; id: Digest; platform: Platform | undefined; options: Options },
): void {
  const { platform, id, text, options } = input;
  if (!platform) return;
  const actual = configOf(room, id);
  if (platformMatches(actual, platform)) return;
  options.progress({ status: `WARNING: ${platformMismatch(text, { wanted: platform, actual })}` });
}

/** Docker's text for an image of another platform. */
export function platformMismatch(text: string, input: { wanted: Platform; actual: Platform }): string {
  const { wanted, actual } = input;
  return `image with reference ${text} was found but its platform (${formatPlatform(actual)}) does not match the specified platform (${formatPlatform(wanted)})`;
}

/** The chainIDs of a stack of layers, lowest first (image-spec config.md#layer-chainid). */
export function chainIDs(diffIDs: Digest[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffID of diffIDs) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffID : digestOf(`${below} ${diffID}`));
  }
  return chain;
}

// Pulls an image: reference → endpoint → manifest → config → layers, each verified before the next is believed; layers
// come down in parallel and are handed to the sink (the snapshotter) as soon as their bytes are verified. Runs in the daemon.

import type { Credentials } from '../base/docker-config.ts';
import { hexOf, type Digest } from '../base/digest.ts';
import type { Descriptor, ImageConfig, Manifest, Platform } from '../base/oci-image.ts';
import type { ContentStore } from '../content/store.ts';
import { downloadBlob } from './blob.ts';
import type { RegistryClient } from './client.ts';
import { RegistryFailure } from './failure.ts';
import { checkManifest, CONFIG_LIMIT, parseConfig } from './image-config.ts';
import { fetchManifest, type Fetched } from './manifest.ts';
import { choosePlatform, hostPlatform } from './platform.ts';
import { LayerProgress, type PullLine, type Report } from './progress.ts';
import { reach, translate } from './reach.ts';
import type { Reference } from './reference.ts';
import type { Session } from './session.ts';

/** Where verified layers go. */
export interface LayerSink {
  has(diffID: Digest): boolean;
  /** Unpacks the blob at `path`, verifies that its uncompressed bytes are `diffID`, commits. */
  unpack(layer: {
    path: string;
    mediaType: string;
    diffID: Digest;
    signal: AbortSignal;
    /** called with the compressed bytes that were read so far */
    onProgress(bytes: number): void;
  }): Promise<unknown>;
}

export interface PullOptions {
  client: RegistryClient;
  /** with a tag or a digest */
  reference: Reference;
  /** default: this machine's */
  platform?: Platform;
  credentials?: Credentials;
  content: ContentStore;
  layers: LayerSink;
  /** whether this image is here already, layers and all */
  known(config: Digest): boolean;
  /** told every digest (blob or diffID) before it is used, so that a collection spares it */
  hold(digest: Digest): void;
  signal: AbortSignal;
  progress: Report;
}

export interface Pulled {
  /** what the registry calls the reference: the digest of the index or manifest */
  digest: Digest;
  manifest: Digest;
  /** the image's id */
  config: Digest;
  imageConfig: ImageConfig;
  layers: Descriptor[];
  /** whether any layer had to be made */
  changed: boolean;
}

/**
 * Pulls all blobs of an image into `content` and its layers into `layers`.
 * @throws PunnetError with Docker's texts; the signal's reason when aborted. What was verified stays for the next try.
 */
export async function pull(options: PullOptions): Promise<Pulled> {
  const { reference, progress } = options;
  try {
    const { session, top } = await reach(options);
    progress({ status: `Pulling from ${reference.path}`, id: reference.digest ?? reference.tag! });
    const manifest = await choose(options, { session, top });
    const imageConfig = await fetchConfig(options, { session, manifest: manifest.value });
    const { config, layers } = manifest.value;
    const image = { digest: top.digest, manifest: manifest.digest, config: config.digest, imageConfig, layers };
    if (options.known(config.digest)) return { ...image, changed: false };
    const changed = await fetchLayers(options, { session, layers, diffIDs: imageConfig.rootfs.diff_ids });
    return { ...image, changed };
  } catch (error) {
    throw translate(error, reference);
  }
}

/** The manifest for the platform, and with it the index it was chosen from, in the content store. */
async function choose(
  options: PullOptions,
  { session, top }: { session: Session; top: Fetched },
): Promise<{ digest: Digest; value: Manifest }> {
  const { content, hold } = options;
  const keep = async (fetched: Fetched) => {
    hold(fetched.digest);
    await content.write(fetched.bytes, fetched.digest);
  };
  if (top.kind === 'manifest') {
    checkManifest(top.value);
    await keep(top);
    return top;
  }
  const chosen = choosePlatform(top.value.manifests, options.platform ?? hostPlatform());
  const manifest = await fetchManifest(session, chosen);
  if (manifest.kind !== 'manifest')
    throw new RegistryFailure(`index ${top.digest}: names an index in place of a manifest`);
  checkManifest(manifest.value);
  await keep(top);
  await keep(manifest);
  return manifest;
}

async function fetchConfig(
  options: PullOptions,
  { session, manifest }: { session: Session; manifest: Manifest },
): Promise<ImageConfig> {
  const { content, client, signal, hold } = options;
  const descriptor = manifest.config;
  hold(descriptor.digest);
  await downloadBlob({
    session,
    content,
    descriptor,
    signal,
    backoff: client.backoff,
    progress: () => {},
    retrying: () => {},
  });
  return parseConfig(content.read(descriptor.digest, CONFIG_LIMIT), manifest);
}

/** Brings the layers that are not here; resolves to whether there were any. */
async function fetchLayers(
  options: PullOptions,
  image: { session: Session; layers: Descriptor[]; diffIDs: Digest[] },
): Promise<boolean> {
  const { layers, signal, progress, hold } = options;
  const wanted = new Map<string, { descriptor: Descriptor; diffID: Digest; report: LayerProgress }>();
  for (const [i, descriptor] of image.layers.entries()) {
    const diffID = image.diffIDs[i]!;
    hold(descriptor.digest);
    hold(diffID);
    const report = new LayerProgress(hexOf(descriptor.digest).slice(0, 12), progress);
    if (layers.has(diffID)) report.state('Already exists');
    else wanted.set(`${descriptor.digest} ${diffID}`, { descriptor, diffID, report });
  }
  for (const { report } of wanted.values()) report.state('Pulling fs layer');
  // The first failure ends the others: nobody waits for them any more.
  const abort = new AbortController();
  const both = AbortSignal.any([signal, abort.signal]);
  const work = [...wanted].map(([key, layer]) =>
    options.client.layers.run(
      key,
      (shared, report) => fetchLayer(options, { ...layer, session: image.session, shared, report }),
      {
        signal: both,
        report: progress,
      },
    ),
  );
  try {
    await Promise.all(work);
  } catch (error) {
    abort.abort(error);
    await Promise.allSettled(work);
    throw error;
  }
  return wanted.size > 0;
}

async function fetchLayer(
  options: PullOptions,
  layer: {
    descriptor: Descriptor;
    diffID: Digest;
    session: Session;
    shared: AbortSignal;
    report: (line: PullLine) => void;
  },
): Promise<void> {
  const { client, content, layers } = options;
  const { descriptor, diffID, session, shared } = layer;
  const report = new LayerProgress(hexOf(descriptor.digest).slice(0, 12), layer.report);
  if (layers.has(diffID)) return report.state('Already exists');
  if (!content.has(descriptor.digest)) {
    if (client.downloads.full) report.state('Waiting');
    await client.downloads.run(shared, () =>
      downloadBlob({
        session,
        content,
        descriptor,
        backoff: client.backoff,
        signal: shared,
        progress: (bytes) => report.bytes('Downloading', bytes, descriptor.size),
        retrying: (milliseconds) => report.retrying(milliseconds),
      }),
    );
    // Said after the fact: the hash ran along with the bytes.
    report.state('Verifying Checksum');
  }
  report.state('Download complete');
  await layers.unpack({
    path: content.path(descriptor.digest),
    mediaType: descriptor.mediaType,
    diffID,
    signal: shared,
    onProgress: (bytes) => report.bytes('Extracting', bytes, descriptor.size),
  });
  report.state('Pull complete');
}

// Pushes an image: layers in parallel, then the config, then the manifest, which alone gives them a name; killed in between,
// the registry has blobs that nothing names. Runs in the daemon. distribution-spec "Pushing"; moby: distribution/push_v2.go

import { digestOf, hexOf, type Digest } from '../base/digest.ts';
import type { Credentials } from '../base/docker-config.ts';
import type { Descriptor } from '../base/oci-image.ts';
import type { ContentStore } from '../content/store.ts';
import type { RegistryClient } from './client.ts';
import { endpointsFor } from './endpoint.ts';
import { RegistryFailure } from './failure.ts';
import { LayerProgress, type Report } from './progress.ts';
import { canonicalName, type Reference } from './reference.ts';
import { Session } from './session.ts';
import { readBody } from './transport.ts';
import { hasBlob, mountBlob, uploadBlob } from './upload.ts';

export interface PushedLayer {
  diffID: Digest;
  /** its blob as manifests name it, the best first: compressed ones only; and repositories of this registry that may have it */
  known: { blob: Descriptor; sources: string[] }[];
  /** brings a blob of it into the content store */
  blob(): Promise<Descriptor>;
}

export interface PushOptions {
  client: RegistryClient;
  /** with a tag */
  reference: Reference;
  credentials?: Credentials;
  content: ContentStore;
  config: Descriptor;
  /** lowest first */
  layers: PushedLayer[];
  /** the manifest for the layers as the registry has them */
  manifest(layers: Descriptor[]): { bytes: Buffer; mediaType: string };
  signal: AbortSignal;
  progress: Report;
}

/** @throws RegistryFailure with Docker's texts; the signal's reason when aborted */
export async function push(options: PushOptions): Promise<{ digest: Digest; bytes: Buffer }> {
  try {
    const session = await open(options);
    const layers = await pushLayers(options, session);
    await pushConfig(options, session);
    return await pushManifest(options, session, options.manifest(layers));
  } catch (error) {
    // A request's line is Docker's way for pull alone.
    const cause = error instanceof RegistryFailure ? error.cause : undefined;
    throw cause instanceof RegistryFailure ? cause : error;
  }
}

/** The first endpoint that answers: never a mirror. */
async function open(options: PushOptions): Promise<Session> {
  const { client, reference, credentials, signal, layers } = options;
  const endpoints = endpointsFor(reference, client.config()).filter(({ mirror }) => !mirror);
  const sources = [...new Set(layers.flatMap(({ known }) => known.flatMap((one) => one.sources)))];
  for (const [i, endpoint] of endpoints.entries()) {
    try {
      return await Session.open({
        client,
        endpoint,
        repository: reference.path,
        actions: 'pull,push',
        sources,
        credentials,
        signal,
      });
    } catch (error) {
      signal.throwIfAborted();
      // A host that may be plain HTTP need not speak TLS.
      if (i === endpoints.length - 1) throw error;
    }
  }
  throw new RegistryFailure(`no endpoints found for ${canonicalName(reference)}`);
}

/** Where the layers are afterwards, lowest first. */
async function pushLayers(options: PushOptions, session: Session): Promise<Descriptor[]> {
  const { layers, progress, signal, client } = options;
  const abort = new AbortController();
  const both = AbortSignal.any([signal, abort.signal]);
  const distinct = new Map<Digest, { layer: PushedLayer; report: LayerProgress }>();
  for (const layer of layers.toReversed()) {
    if (distinct.has(layer.diffID)) continue;
    const report = new LayerProgress(hexOf(layer.diffID).slice(0, 12), progress);
    report.state('Preparing');
    distinct.set(layer.diffID, { layer, report });
  }
  const work = new Map<Digest, Promise<Descriptor>>();
  for (const [diffID, { layer, report }] of distinct) {
    if (client.uploads.full) report.state('Waiting');
    const pushed = client.uploads.run(both, () => pushLayer(options, { session, layer, report, signal: both }));
    work.set(diffID, pushed);
  }
  try {
    await Promise.all(work.values());
  } catch (error) {
    // The first failure ends the others.
    abort.abort(error);
    await Promise.allSettled(work.values());
    throw error;
  }
  return Promise.all(layers.map(({ diffID }) => work.get(diffID)!));
}

interface LayerWork {
  session: Session;
  layer: PushedLayer;
  report: LayerProgress;
  signal: AbortSignal;
}

async function pushLayer(options: PushOptions, { session, layer, report, signal }: LayerWork): Promise<Descriptor> {
  for (const { blob } of layer.known) {
    if (!(await hasBlob(session, blob, signal))) continue;
    report.state('Layer already exists');
    return blob;
  }
  for (const { blob, sources } of layer.known)
    for (const from of sources) {
      if (!(await mountBlob(session, blob, { from, signal }))) continue;
      report.state(`Mounted from ${from}`);
      return blob;
    }
  const descriptor = await layer.blob();
  // One that was compressed just now may have become what the repository has.
  const asked = layer.known.some(({ blob }) => blob.digest === descriptor.digest);
  if (!asked && (await hasBlob(session, descriptor, signal))) {
    report.state('Layer already exists');
    return descriptor;
  }
  await uploadBlob({
    session,
    content: options.content,
    descriptor,
    backoff: options.client.backoff,
    signal,
    progress: (bytes) => report.bytes('Pushing', bytes, descriptor.size),
    retrying: (milliseconds) => report.retrying(milliseconds),
  });
  report.state('Pushed');
  return descriptor;
}

async function pushConfig({ config, content, client, signal }: PushOptions, session: Session): Promise<void> {
  if (await hasBlob(session, config, signal)) return;
  const silent = () => {};
  const { backoff } = client;
  await uploadBlob({ session, content, descriptor: config, backoff, signal, progress: silent, retrying: silent });
}

async function pushManifest(
  { reference, signal }: PushOptions,
  session: Session,
  { bytes, mediaType }: { bytes: Buffer; mediaType: string },
): Promise<{ digest: Digest; bytes: Buffer }> {
  const digest = digestOf(bytes);
  const answer = await session.request('PUT', session.url(`manifests/${reference.tag}`), {
    headers: { 'content-type': mediaType, 'content-length': String(bytes.length) },
    body: bytes,
    signal,
    expect: [200, 201, 202],
  });
  await readBody(answer, 64 * 1024);
  const said = answer.headers['docker-content-digest'];
  if (said !== undefined && said !== digest)
    throw new RegistryFailure(`the registry says that manifest ${digest} is ${JSON.stringify(said)}`);
  return { digest, bytes };
}

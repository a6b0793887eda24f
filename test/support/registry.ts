// A real registry (Debian's docker-registry) on loopback, and a client that fills it. Runs as the user of the tests.
// Specification: OCI distribution-spec v1.1, "Pushing manifests", "POST then PUT".

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { background, which } from './process.ts';
import { freePort, makeScratch, until } from './until.ts';
import type { Blob, Image } from './image.ts';

export interface RegistryOptions {
  /** stores here, and leaves it at the end: a registry with auth can serve what one without was given */
  directory?: string;
  /** contents of an htpasswd file (bcrypt lines): demands Basic auth */
  htpasswd?: string;
  /** demands Bearer tokens of this realm */
  token?: { realm: string; service: string; issuer: string; rootcertbundle: string };
}

export interface Registry {
  /** `127.0.0.1:port` */
  host: string;
  /** `http://127.0.0.1:port` */
  url: string;
  port: number;
  /** where it stores: `docker/registry/v2/…` below it */
  directory: string;
  /** Pushes an image under `repository` and `tag`; returns the manifest's digest. */
  push(image: Image, repository: string, tag: string): Promise<string>;
  /** Pushes an index whose manifests were pushed (by digest) before. */
  pushManifest(manifest: Blob, repository: string, reference: string): Promise<string>;
  pushBlob(blob: Blob, repository: string): Promise<void>;
  stop(): Promise<void>;
}

/** Why no registry can be started here, or undefined. */
export function missingRegistry(): string | undefined {
  return which('docker-registry') ? undefined : 'docker-registry is not installed (apt-get install docker-registry)';
}

/** Starts a registry on a free port of loopback and waits until it answers. */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const program = which('docker-registry');
  if (!program) throw new Error(missingRegistry());
  const scratch = makeScratch('registry');
  const directory = options.directory ?? join(scratch, 'data');
  mkdirSync(directory, { recursive: true });
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    writeFileSync(join(scratch, 'config.yml'), configuration({ directory, port, scratch, options }));
    const service = background(program, ['serve', join(scratch, 'config.yml')], {
      env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
    });
    const url = `http://127.0.0.1:${port}`;
    try {
      await until(
        'the registry answers',
        async () => {
          if (service.child.exitCode !== null) throw new Error(service.output());
          return (await fetch(`${url}/v2/`)).status < 500;
        },
        20,
      );
    } catch (error) {
      await service.stop();
      if (attempt < 3 && service.output().includes('address already in use')) continue;
      throw new Error(`docker-registry: ${service.output()}`, { cause: error });
    }
    const stop = async () => {
      await service.stop(2000);
      rmSync(scratch, { recursive: true, force: true });
    };
    return { host: `127.0.0.1:${port}`, url, port, directory, stop, ...pusher(url) };
  }
}

function pusher(url: string) {
  const pushBlob = async (blob: Blob, repository: string) => {
    const base = `${url}/v2/${repository}/blobs`;
    const head = await fetch(`${base}/${blob.digest}`, { method: 'HEAD' });
    if (head.ok) return;
    const upload = await fetch(`${base}/uploads/`, { method: 'POST' });
    const location = new URL(upload.headers.get('location') ?? '', url);
    location.searchParams.set('digest', blob.digest);
    const answer = await fetch(location, {
      method: 'PUT',
      body: new Uint8Array(blob.bytes),
      headers: { 'content-type': 'application/octet-stream' },
    });
    if (answer.status !== 201) throw new Error(`push ${blob.digest}: ${answer.status} ${await answer.text()}`);
  };
  const pushManifest = async (manifest: Blob, repository: string, reference: string) => {
    const answer = await fetch(`${url}/v2/${repository}/manifests/${reference}`, {
      method: 'PUT',
      body: new Uint8Array(manifest.bytes),
      headers: { 'content-type': manifest.mediaType },
    });
    if (answer.status !== 201)
      throw new Error(`push ${repository}:${reference}: ${answer.status} ${await answer.text()}`);
    return manifest.digest;
  };
  const push = async (image: Image, repository: string, tag: string) => {
    for (const item of [...image.layers, image.config]) await pushBlob(item, repository);
    return pushManifest(image.manifest, repository, tag);
  };
  return { push, pushBlob, pushManifest };
}

function configuration(input: { directory: string; port: number; scratch: string; options: RegistryOptions }): string {
  const { directory, port, scratch, options } = input;
  const lines = [
    'version: 0.1',
    'log: {level: error, accesslog: {disabled: true}}',
    `storage: {filesystem: {rootdirectory: ${directory}}, delete: {enabled: true}}`,
    `http: {addr: "127.0.0.1:${port}", secret: test}`,
  ];
  if (options.htpasswd !== undefined) {
    writeFileSync(join(scratch, 'htpasswd'), options.htpasswd);
    lines.push(`auth: {htpasswd: {realm: test, path: ${join(scratch, 'htpasswd')}}}`);
  }
  if (options.token) lines.push(`auth: {token: ${JSON.stringify(options.token)}}`);
  return lines.join('\n') + '\n';
}

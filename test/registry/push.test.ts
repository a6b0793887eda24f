import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Credentials } from '../../src/base/docker-config.ts';
import type { Digest } from '../../src/base/digest.ts';
import type { Descriptor } from '../../src/base/oci-image.ts';
import { ContentStore } from '../../src/content/store.ts';
import { RegistryClient } from '../../src/registry/client.ts';
import type { PullLine } from '../../src/registry/progress.ts';
import { push } from '../../src/registry/push.ts';
import { parseReference } from '../../src/registry/reference.ts';
import { imageOf, type Image } from '../support/image.ts';
import { missingRegistry, startRegistry, type Registry } from '../support/registry.ts';
import { scratch } from '../support/scratch.ts';
import { startFaultProxy, type FaultProxy } from './support/fault-proxy.ts';

const missing = missingRegistry();
const alice: Credentials = { username: 'alice', password: 'wonderland' };

/** Pushes an image that is in a store of its own; */
async function pushImage(
  image: Image,
  name: string,
  options: { credentials?: Credentials; signal?: AbortSignal } = {},
) {
  const content = new ContentStore(scratch('content'));
  for (const { bytes } of [image.config, ...image.layers]) await content.write(bytes);
  const client = new RegistryClient({ config: () => ({ mirrors: [], insecure: [] }), backoff: 1, env: {} });
  const lines: PullLine[] = [];
  const pushed = await push({
    client,
    content,
    reference: parseReference(name),
    ...(options.credentials && { credentials: options.credentials }),
    config: image.config as Descriptor,
    layers: image.layers.map((layer) => ({
      diffID: layer.digest as Digest,
      known: [{ blob: layer as Descriptor, sources: [] }],
      blob: () => Promise.resolve(layer as Descriptor),
    })),
    manifest: () => ({ bytes: image.manifest.bytes, mediaType: image.manifest.mediaType }),
    signal: options.signal ?? new AbortController().signal,
    progress: (line) => lines.push(line),
  });
  return { ...pushed, lines };
}

describe.skipIf(missing)(missing ? `push (skipped: ${missing})` : 'push', () => {
  let registry: Registry;
  let proxy: FaultProxy;
  let serial = 0;
  let image: Image;
  beforeAll(async () => {
    registry = await startRegistry();
  });
  afterAll(() => registry?.stop());
  beforeEach(async () => {
    image = imageOf([[{ name: 'a', content: `layer ${serial++}` }], [{ name: 'b', content: `layer ${serial++}` }]]);
    proxy = await startFaultProxy(registry.url);
  });
  afterEach(() => proxy.close());

  const has = async (path: string) =>
    (await fetch(`${registry.url}/v2/${path}`, { method: 'HEAD', headers: { accept: image.manifest.mediaType } })).ok;

  test('brings blobs before the manifest that names them', async () => {
    await pushImage(image, `${proxy.host}/x/y:1`);
    expect(await has('x/y/manifests/1')).toBe(true);
    const asked = proxy.asked.map(({ method, path }) => `${method} ${path.replace(/\?.*/, '')}`);
    expect(asked.at(-1)).toBe('PUT /v2/x/y/manifests/1');
  });

  test('sends a blob again after an answer that may pass, and says so', async () => {
    let refused = 0;
    proxy.fault = (asked, response) => {
      if (asked.method !== 'POST' || refused++ > 1) return false;
      response.writeHead(503).end();
      return true;
    };
    const { lines } = await pushImage(image, `${proxy.host}/x/again:1`);
    expect(lines.some(({ status }) => status === 'Retrying in 1 second')).toBe(true);
    expect(await has('x/again/manifests/1')).toBe(true);
  });

  test('gives up after five tries, and puts no manifest', async () => {
    let tries = 0;
    proxy.fault = (asked, response) => {
      if (asked.method !== 'POST') return false;
      tries++;
      response.writeHead(500).end();
      return true;
    };
    image = imageOf([[{ name: 'a', content: `layer ${serial++}` }]]);
    await expect(pushImage(image, `${proxy.host}/x/never:1`)).rejects.toThrow(
      'received unexpected HTTP status: 500 Internal Server Error',
    );
    expect(tries).toBe(5);
    expect(await has('x/never/manifests/1')).toBe(false);
  });

  test('does not try again what is denied', async () => {
    let tries = 0;
    proxy.fault = (asked, response) => {
      if (asked.method !== 'POST') return false;
      tries++;
      response.writeHead(403, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ errors: [{ code: 'DENIED', message: 'requested access is denied' }] }));
      return true;
    };
    await expect(pushImage(image, `${proxy.host}/x/denied:1`)).rejects.toThrow('denied: requested access is denied');
    expect(tries).toBeLessThanOrEqual(2);
  });

  test('sends no password to the host that a registry names for uploads', async () => {
    const elsewhere = await startFaultProxy(registry.url);
    proxy.fault = (asked, response) => {
      if (asked.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
        return true;
      }
      if (asked.method !== 'POST') return false;
      void fetch(`${registry.url}${asked.path}`, { method: 'POST' }).then((begun) => {
        const location = new URL(begun.headers.get('location')!);
        location.host = elsewhere.host;
        response.writeHead(202, { location: location.href }).end();
      });
      return true;
    };
    try {
      await pushImage(image, `${proxy.host}/x/elsewhere:1`, { credentials: alice });
      expect(elsewhere.asked.map(({ method }) => method)).toContain('PATCH');
      expect(elsewhere.asked.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
    } finally {
      await elsewhere.close();
    }
  });

  test('does not believe a registry that calls the manifest by another digest', async () => {
    proxy.fault = (asked, response) => {
      if (!asked.path.includes('/manifests/')) return false;
      response.writeHead(201, { 'docker-content-digest': `sha256:${'0'.repeat(64)}` }).end();
      return true;
    };
    await expect(pushImage(image, `${proxy.host}/x/liar:1`)).rejects.toThrow(/the registry says that manifest sha256:/);
  });

  test('ends when its client leaves', async () => {
    const leaving = new AbortController();
    proxy.fault = (asked) => {
      if (asked.method !== 'POST') return false;
      leaving.abort(new Error('the client left'));
      return true;
    };
    await expect(pushImage(image, `${proxy.host}/x/left:1`, { signal: leaving.signal })).rejects.toThrow(
      'the client left',
    );
    expect(await has('x/left/manifests/1')).toBe(false);
  });

  test('asks a token server for push, and for pull from where blobs are mounted', async () => {
    const realm = await startFaultProxy(registry.url);
    const scopes: string[][] = [];
    realm.fault = (asked, response) => {
      scopes.push(new URL(asked.path, realm.url).searchParams.getAll('scope'));
      response.end(JSON.stringify({ token: 'given' }));
      return true;
    };
    proxy.fault = (asked, response) => {
      if (asked.authorization === 'Bearer given') return false;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm.url}/token",service="s"` }).end();
      return true;
    };
    try {
      await pushImage(image, `${proxy.host}/x/token:1`, { credentials: alice });
      expect(scopes[0]).toEqual(['repository:x/token:pull,push']);
      expect(await has('x/token/manifests/1')).toBe(true);
    } finally {
      await realm.close();
    }
  });
});

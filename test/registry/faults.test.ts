import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ServerResponse } from 'node:http';
import type { ContentStore } from '../../src/content/store.ts';
import type { PullLine } from '../../src/registry/progress.ts';
import { imageOf } from '../support/image.ts';
import { missingRegistry, startRegistry, type Registry } from '../support/registry.ts';
import { startFaultProxy, type Asked, type FaultProxy } from './support/fault-proxy.ts';
import { makePuller } from './support/puller.ts';

const missing = missingRegistry();
const answer = (response: ServerResponse, status: number, body: unknown = '', headers: Record<string, string> = {}) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
  return true;
};

describe.skipIf(missing)(missing ? `a bad line (skipped: ${missing})` : 'a bad line', () => {
  let registry: Registry;
  let proxy: FaultProxy;
  const image = imageOf([[{ name: 'big', content: randomBytes(900_000) }], [{ name: 'small', content: 'small' }]]);
  const big = image.layers[0]!;
  const isBig = ({ path }: Asked) => path.endsWith(`/blobs/${big.digest}`);
  const isBlob = ({ path }: Asked) => path.includes('/blobs/');
  const isManifest = ({ path }: Asked) => path.includes('/manifests/');
  const asksOfBig = () => proxy.asked.filter(isBig).map(({ range }) => range);
  const nothingHalf = (content: ContentStore) => {
    for (const digest of content.list()) content.read(digest);
    expect(content.list()).not.toContain(big.digest);
  };
  beforeAll(async () => {
    registry = await startRegistry();
    await registry.push(image, 'library/x', 'latest');
  });
  afterAll(() => registry?.stop());
  beforeEach(async () => {
    proxy = await startFaultProxy(registry.url);
  });
  afterEach(() => proxy.close());

  test('that is cut in the middle of a layer is resumed by range, and the layer is whole', async () => {
    const { pull, content } = makePuller();
    let cuts = 0;
    proxy.tamper = (asked, chunk, at) => (isBig(asked) && at > 200_000 && cuts++ < 2 ? 'cut' : chunk);
    const lines: PullLine[] = [];
    await pull(`${proxy.host}/library/x`, { lines });
    const ranges = asksOfBig();
    expect(ranges[0]).toBeUndefined();
    expect(ranges[1]).toMatch(/^bytes=[1-9]\d{5,}-$/);
    expect(content.read(big.digest as `sha256:${string}`).equals(big.bytes)).toBe(true);
    expect(lines.map(({ status }) => status)).toContain('Retrying in 1 second');
  });

  test('to a registry that knows no ranges starts over, and the layer is whole', async () => {
    const { pull, content } = makePuller();
    proxy.tamper = (asked, chunk, at) =>
      isBig(asked) && !asked.range && at > 200_000 && asksOfBig().length === 1 ? 'cut' : chunk;
    proxy.fault = (asked, response) => {
      if (!isBig(asked) || !asked.range) return false;
      response.writeHead(200, { 'content-length': String(big.size) });
      response.end(big.bytes);
      return true;
    };
    await pull(`${proxy.host}/library/x`);
    expect(asksOfBig().length).toBe(2);
    expect(content.read(big.digest as `sha256:${string}`).equals(big.bytes)).toBe(true);
  });

  test.each([
    ['answers 416', (response: ServerResponse) => answer(response, 416)],
    [
      'answers another range',
      (response: ServerResponse) => answer(response, 206, 'xx', { 'content-range': `bytes 5-6/${big.size}` }),
    ],
  ])('to a registry that %s to a range starts over, and the layer is whole', async (_, fault) => {
    const { pull, content } = makePuller();
    proxy.tamper = (asked, chunk, at) => (isBig(asked) && at > 200_000 && asksOfBig().length === 1 ? 'cut' : chunk);
    proxy.fault = (asked, response) => isBig(asked) && asked.range !== undefined && fault(response);
    await pull(`${proxy.host}/library/x`);
    expect(asksOfBig().at(-1)).toBeUndefined();
    expect(content.read(big.digest as `sha256:${string}`).equals(big.bytes)).toBe(true);
  });

  test('that stalls is given up and resumed', async () => {
    const { pull, content } = makePuller({ stall: 1000 });
    let stalls = 0;
    proxy.tamper = (asked, chunk, at) => (isBig(asked) && at > 200_000 && stalls++ < 1 ? 'stall' : chunk);
    await pull(`${proxy.host}/library/x`);
    expect(stalls).toBeGreaterThan(0);
    expect(asksOfBig().at(-1)).toMatch(/^bytes=[1-9]/);
    expect(content.has(big.digest as `sha256:${string}`)).toBe(true);
  });

  test('that dies for good is an error after five tries in vain, and the store is consistent', async () => {
    const { pull, content } = makePuller();
    proxy.tamper = (asked, chunk) => (isBlob(asked) && isBig(asked) ? 'cut' : chunk);
    await expect(pull(`${proxy.host}/library/x`)).rejects.toThrow(/unexpected EOF|EOF|connection reset/);
    expect(asksOfBig().length).toBe(5);
    nothingHalf(content);
  });

  test('that changes one byte of a layer is an error with both digests, nothing is committed, and no try is wasted', async () => {
    const { pull, content, layers } = makePuller();
    proxy.tamper = (asked, chunk, at) => {
      if (isBig(asked) && at === 0) chunk[1000]! ^= 1;
      return chunk;
    };
    await expect(pull(`${proxy.host}/library/x`)).rejects.toThrow(
      new RegExp(`expected ${big.digest}, found sha256:[0-9a-f]{64} \\(${big.size} bytes\\)`),
    );
    expect(asksOfBig().length).toBe(1);
    nothingHalf(content);
    expect(readdirSync(join(content.directory, 'ingest'))).not.toContain(big.digest.slice(7));
    expect(layers.layers.size).toBeLessThan(2);
  });

  test('that changes one byte of a manifest asked by digest is an error with both digests', async () => {
    const { pull, content } = makePuller();
    proxy.tamper = (asked, chunk) => {
      if (isManifest(asked)) chunk[chunk.indexOf('a')] = 'b'.charCodeAt(0);
      return chunk;
    };
    await expect(pull(`${proxy.host}/library/x@${image.manifest.digest}`)).rejects.toThrow(
      new RegExp(`manifest verification failed for digest ${image.manifest.digest}: found sha256:[0-9a-f]{64}`),
    );
    expect(content.list()).toEqual([]);
  });

  test('with a layer that never ends is an error, and the disk does not fill', async () => {
    const { pull, content } = makePuller();
    proxy.fault = (asked, response) => {
      if (!isBig(asked)) return false;
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) continue;
      };
      response.on('drain', more);
      more();
      return true;
    };
    await expect(pull(`${proxy.host}/library/x`)).rejects.toThrow(`${big.digest} has more than its ${big.size} bytes`);
    nothingHalf(content);
  });

  test.each([500, 502, 503, 429])('to a registry that answers %d three times gets through', async (status) => {
    const { pull } = makePuller();
    proxy.fault = (asked, response, nth) =>
      isBig(asked) && nth <= 3 && answer(response, status, '', { 'retry-after': '0' });
    await pull(`${proxy.host}/library/x`);
    expect(asksOfBig().length).toBe(4);
  });

  test('to a registry that only answers 500 is the error that Docker gives', async () => {
    const { pull } = makePuller();
    proxy.fault = (asked, response) => isBlob(asked) && answer(response, 500);
    await expect(pull(`${proxy.host}/library/x`)).rejects.toThrow(
      'received unexpected HTTP status: 500 Internal Server Error',
    );
  });

  test('to a registry that has no such layer is an error at once', async () => {
    const { pull } = makePuller();
    proxy.fault = (asked, response) =>
      isBig(asked) &&
      answer(response, 404, { errors: [{ code: 'BLOB_UNKNOWN', message: 'blob unknown to registry' }] });
    await expect(pull(`${proxy.host}/library/x`)).rejects.toThrow('blob unknown: blob unknown to registry');
    expect(asksOfBig().length).toBe(1);
  });

  test("a registry's words reach the terminal without control characters", async () => {
    const { pull } = makePuller();
    proxy.fault = (asked, response) =>
      isManifest(asked) && answer(response, 403, { errors: [{ code: 'X', message: 'a\u001b[31mb\nc' }] });
    await expect(pull(`${proxy.host}/library/x`)).rejects.toThrow('x: a [31mb c');
  });

  describe('a manifest', () => {
    const manifests: [string, unknown, string][] = [
      ['of 5 MiB', `{"x":"${'x'.repeat(5 * 1024 * 1024)}"}`, 'larger than the limit of 4194304 bytes'],
      ['that is no JSON', '<html>', 'invalid manifest: not JSON'],
      ['of schema 1', { schemaVersion: 1, fsLayers: [] }, 'schema 1 is not supported'],
      [
        'that is also an index (CVE-2021-41190)',
        { ...(JSON.parse(image.manifest.bytes.toString()) as object), manifests: [] },
        'a manifest that is an index, too',
      ],
      [
        'that names a layer by something that is no digest',
        image.manifest.bytes.toString().replaceAll(big.digest, '../../../etc/passwd'),
        'layers[0]: no sha256 digest',
      ],
      [
        'that gives a layer a negative size',
        image.manifest.bytes.toString().replace(`"size":${big.size}`, '"size":-1'),
        'layers[0]: no size',
      ],
      [
        'with a foreign layer',
        image.manifest.bytes.toString().replaceAll('layer.v1.tar+gzip', 'layer.nondistributable.v1.tar+gzip'),
        'is not distributable',
      ],
    ];
    test.each(manifests)('%s is refused', async (_, body, message) => {
      const { pull, content } = makePuller();
      proxy.fault = (asked, response) =>
        isManifest(asked) && answer(response, 200, body, { 'content-type': image.manifest.mediaType });
      await expect(pull(`${proxy.host}/library/x`)).rejects.toThrow(message);
      expect(content.list()).toEqual([]);
    });
  });

  describe('a redirect', () => {
    let elsewhere: FaultProxy;
    beforeEach(async () => {
      elsewhere = await startFaultProxy(registry.url);
    });
    afterEach(() => elsewhere.close());

    test('is followed to another host, without the credentials', async () => {
      const { pull } = makePuller();
      proxy.fault = (asked, response) => {
        if (asked.path === '/v2/') return answer(response, 401, '', { 'www-authenticate': 'Basic realm="x"' });
        return isBlob(asked) && answer(response, 307, '', { location: `${elsewhere.url}${asked.path}` });
      };
      await pull(`${proxy.host}/library/x`, { credentials: { username: 'alice', password: 'wonderland' } });
      expect(proxy.asked.filter(isBlob).every(({ authorization }) => authorization?.startsWith('Basic '))).toBe(true);
      expect(elsewhere.asked.filter(isBlob).length).toBe(3);
      expect(elsewhere.asked.every(({ authorization }) => authorization === undefined)).toBe(true);
    });

    test('that leads in a circle is an error', async () => {
      const { pull } = makePuller();
      proxy.fault = (asked, response) => isManifest(asked) && answer(response, 307, '', { location: asked.path });
      await expect(pull(`${proxy.host}/library/x`)).rejects.toThrow('stopped after 10 redirects');
    });

    test('to plain HTTP of a host that is not allowed is refused', async () => {
      const { pull } = makePuller();
      proxy.fault = (asked, response) =>
        isBlob(asked) && answer(response, 307, '', { location: 'http://registry.example.com/blob' });
      await expect(pull(`${proxy.host}/library/x`)).rejects.toThrow(
        'plain HTTP is not allowed for registry.example.com',
      );
    });

    test.each(['file:///etc/passwd', 'gopher://x/'])('to %s is refused', async (location) => {
      const { pull } = makePuller();
      proxy.fault = (asked, response) => isBlob(asked) && answer(response, 307, '', { location });
      await expect(pull(`${proxy.host}/library/x`)).rejects.toThrow('refused');
    });
  });
});

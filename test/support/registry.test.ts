import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { imageOf, sha256 } from './image.ts';
import { missingRegistry, startRegistry, type Registry } from './registry.ts';

const missing = missingRegistry();

describe.skipIf(missing)(
  missing ? `the registry of the tests (skipped: ${missing})` : 'the registry of the tests',
  () => {
    let registry: Registry;
    beforeAll(async () => {
      registry = await startRegistry();
    });
    afterAll(() => registry?.stop());

    test('gives back what was pushed, byte for byte', async () => {
      const image = imageOf([[{ name: 'etc/' }, { name: 'etc/hello', content: 'hello\n' }]]);
      const digest = await registry.push(image, 'library/hello', 'latest');
      const manifest = await fetch(`${registry.url}/v2/library/hello/manifests/latest`, {
        headers: { accept: image.manifest.mediaType },
      });
      expect(sha256(Buffer.from(await manifest.arrayBuffer()))).toBe(digest);
      const layer = await fetch(`${registry.url}/v2/library/hello/blobs/${image.layers[0]!.digest}`);
      expect(sha256(Buffer.from(await layer.arrayBuffer()))).toBe(image.layers[0]!.digest);
    });

    test('refuses a blob whose bytes are not its digest', async () => {
      const image = imageOf([[{ name: 'a', content: 'a' }]]);
      const wrong = { ...image.layers[0]!, digest: sha256('something else') };
      await expect(registry.pushBlob(wrong, 'library/wrong')).rejects.toThrow(/400|DIGEST/);
    });
  },
);

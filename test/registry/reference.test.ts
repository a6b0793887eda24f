import { describe, expect, test } from 'vitest';
import { canonical, familiar, parseReference, withDefaultTag } from '../../src/registry/reference.ts';

const HEX = 'a'.repeat(64);

describe('references are read as Docker reads them', () => {
  test.each([
    ['busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
    ['grafana/grafana', 'docker.io/grafana/grafana:latest', 'grafana/grafana:latest'],
    ['docker.io/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
    ['index.docker.io/library/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
    ['docker.io/library/a/b', 'docker.io/library/a/b:latest', 'library/a/b:latest'],
    ['localhost/x', 'localhost/x:latest', 'localhost/x:latest'],
    ['localhost:5000/x:y', 'localhost:5000/x:y', 'localhost:5000/x:y'],
    ['127.0.0.1:5000/a/b:c', '127.0.0.1:5000/a/b:c', '127.0.0.1:5000/a/b:c'],
    ['[::1]:5000/a', '[::1]:5000/a:latest', '[::1]:5000/a:latest'],
    ['HOST/a', 'HOST/a:latest', 'HOST/a:latest'],
    ['ghcr.io/a/b_c__d-e.f', 'ghcr.io/a/b_c__d-e.f:latest', 'ghcr.io/a/b_c__d-e.f:latest'],
    [`busybox@sha256:${HEX}`, `docker.io/library/busybox@sha256:${HEX}`, `busybox@sha256:${HEX}`],
    [`busybox:1@sha256:${HEX}`, `docker.io/library/busybox:1@sha256:${HEX}`, `busybox:1@sha256:${HEX}`],
  ])('%s is %s, shown as %s', (text, full, shown) => {
    const reference = withDefaultTag(parseReference(text));
    expect(canonical(reference)).toBe(full);
    expect(familiar(reference)).toBe(shown);
  });

  test.each([
    ['', 'invalid reference format'],
    ['-busybox', 'invalid reference format'],
    ['busy box', 'invalid reference format'],
    ['busybox:', 'invalid reference format'],
    ['busybox:.x', 'invalid reference format'],
    [`busybox:${'x'.repeat(129)}`, 'invalid reference format'],
    ['a//b', 'invalid reference format'],
    ['../etc', 'invalid reference format'],
    ['a/../../b', 'invalid reference format'],
    ['https://x/y', 'invalid reference format'],
    ['Busybox', 'invalid reference format: repository name (library/Busybox) must be lowercase'],
    ['x/Busybox', 'invalid reference format: repository name (x/Busybox) must be lowercase'],
    [HEX, `invalid repository name (${HEX}), cannot specify 64-byte hexadecimal strings`],
    [`x@sha256:${'a'.repeat(63)}`, 'invalid checksum digest length'],
    [`x@sha256:${'A'.repeat(64)}`, 'invalid checksum digest format'],
    [`x@sha512:${'a'.repeat(128)}`, 'unsupported digest algorithm'],
    [`localhost/${'a/'.repeat(127)}aa`, 'repository name must not be more than 255 characters'],
  ])('%j is refused: %s', (text, message) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ kind: 'invalidArgument', message }));
  });
});

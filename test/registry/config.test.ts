import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isInsecure, readRegistryConfig } from '../../src/registry/config.ts';
import { endpointsFor } from '../../src/registry/endpoint.ts';
import { parseReference } from '../../src/registry/reference.ts';
import { scratch } from '../support/scratch.ts';

const write = (text: string) => {
  const directory = scratch();
  writeFileSync(join(directory, 'registries.json'), text);
  return directory;
};

describe('plain HTTP', () => {
  const config = { mirrors: [], insecure: ['registry.lan:5000', 'other.lan', '10.0.0.0/8', 'fd00::/8'] };
  test.each(['127.0.0.1:5000', '127.9.9.9', 'localhost', 'localhost:5000', '[::1]:5000'])(
    'is allowed for %s',
    (host) => {
      expect(isInsecure(host, { mirrors: [], insecure: [] })).toBe(true);
    },
  );
  test.each(['registry.lan:5000', 'other.lan', 'other.lan:80', '10.1.2.3:5000', '[fd00::1]:5000'])(
    'is allowed for %s, which is configured',
    (host) => {
      expect(isInsecure(host, config)).toBe(true);
    },
  );
  test.each([
    'registry.lan',
    'registry.lan:5001',
    'ghcr.io',
    '11.0.0.1',
    '127.0.0.1.evil.com',
    'localhost.evil.com',
    '0.0.0.0',
  ])('is not allowed for %s', (host) => {
    expect(isInsecure(host, config)).toBe(false);
  });

  test('is tried after HTTPS where it is allowed, and nowhere else', () => {
    const bases = (name: string) => endpointsFor(parseReference(name), config).map(({ base }) => base);
    expect(bases('127.0.0.1:5000/x')).toEqual(['https://127.0.0.1:5000', 'http://127.0.0.1:5000']);
    expect(bases('ghcr.io/a/b')).toEqual(['https://ghcr.io']);
    expect(bases('busybox')).toEqual(['https://registry-1.docker.io']);
  });
});

describe('registries.json', () => {
  test('gives mirrors and insecure registries; the environment adds to them', () => {
    const directory = write('{"registry-mirrors": ["http://a:5000/"], "insecure-registries": ["b"]}');
    const env = { PUNNET_REGISTRY_MIRRORS: 'https://c', PUNNET_INSECURE_REGISTRIES: 'd, e' };
    expect(readRegistryConfig(directory, env)).toMatchObject({
      mirrors: ['http://a:5000', 'https://c'],
      insecure: ['b', 'd', 'e'],
    });
  });

  test('need not be there', () => {
    expect(readRegistryConfig(join(scratch(), 'none'), {})).toMatchObject({ mirrors: [], insecure: [] });
  });

  test.each([
    ['{"registry-mirrors": ', 'registries.json: '],
    ['{"registry-mirors": []}', 'unknown key "registry-mirors"'],
    ['{"registry-mirrors": "http://a"}', 'registry-mirrors must be a list of strings'],
    ['{"registry-mirrors": ["ftp://a"]}', 'unsupported scheme "ftp"'],
    ['{"registry-mirrors": ["http://user:secret@a"]}', 'no user, query or fragment allowed in the URL of a'],
  ])('%s is refused by name', (text, message) => {
    expect(() => readRegistryConfig(write(text), {})).toThrow(message);
  });

  test('that is a directory is an error that names it', () => {
    const directory = scratch();
    mkdirSync(join(directory, 'registries.json'));
    expect(() => readRegistryConfig(directory, {})).toThrow(`read ${join(directory, 'registries.json')}: EISDIR`);
  });
});

// The range of an environment that root starts, in the files of a host that the test made up.

import { mkdirSync, readFileSync, statSync, writeFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mapsOfRoot, recordedRange } from '../../src/rootless/root-range.ts';
import { scratch } from '../support/scratch.ts';

function host(files: Record<string, string>): string {
  const root = scratch('range');
  for (const [path, text] of Object.entries({
    'proc/self/uid_map': '0 0 4294967295\n',
    'etc/passwd': 'root:x:0:0::/root:/bin/sh\n',
    ...files,
  })) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

test('a range that is nobody’s is chosen once, and recorded where useradd looks', () => {
  const root = host({ 'etc/subuid': 'alice:100000:65536', 'etc/subgid': 'alice:100000:65536\nbob:165536:65536\n' });
  const maps = mapsOfRoot(root);
  expect(maps.uid).toEqual([{ inside: 0, outside: 231072, count: 65536 }]);
  expect(maps.gid).toEqual(maps.uid);
  expect(readFileSync(join(root, 'etc/subuid'), 'utf8')).toBe('alice:100000:65536\npunnet:231072:65536\n');
  expect(readFileSync(join(root, 'etc/subgid'), 'utf8')).toBe(
    'alice:100000:65536\nbob:165536:65536\npunnet:231072:65536\n',
  );
  expect(mapsOfRoot(root)).toEqual(maps);
  expect(recordedRange(root)).toEqual({ start: 231072, count: 65536 });
  expect(existsSync(join(root, 'etc/subuid.lock'))).toBe(false);
});

test('an account whose id lies in the range makes it another range', () => {
  const root = host({ 'etc/passwd': 'root:x:0:0::/root:/bin/sh\nsvc:x:120000:120000::/:/bin/sh\n' });
  expect(mapsOfRoot(root).uid[0]!.outside).toBe(120001);
  expect(statSync(join(root, 'etc/subuid')).mode & 0o777).toBe(0o644);
});

test('a record in one file only does not count', () => {
  const root = host({ 'etc/subuid': 'punnet:500000:65536\n' });
  expect(recordedRange(root)).toBeUndefined();
});

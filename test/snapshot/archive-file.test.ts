import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { digestOf } from '../../src/base/digest.ts';
import { ArchiveFile } from '../../src/snapshot/archive-file.ts';
import { scratch } from '../support/scratch.ts';

test('writes pieces of every size in the order in which they came', () => {
  const path = join(scratch('archive-file'), 'a.tar');
  const fd = openSync(path, 'wx');
  const file = new ArchiveFile(fd);
  const sizes = [1, 512, 65_535, 65_536, 65_537, 512, 108_894, 418, 262_143, 262_144, 262_145, 1];
  const pieces = sizes.map((size, i) => Buffer.alloc(size, i + 1));
  for (const piece of pieces) file.write(piece);
  const whole = Buffer.concat(pieces);
  expect(file.digest()).toBe(digestOf(whole));
  closeSync(fd);
  expect(readFileSync(path).equals(whole)).toBe(true);
  expect(file.size).toBe(whole.length);
});

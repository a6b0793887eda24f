// The documents say what is: their links lead somewhere, and the files that they name exist. Runs nothing.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { documents } from './support/markdown.ts';
import { PROJECT } from './support/need.ts';

const all = documents();

test('every relative link of a document leads to a file', () => {
  const broken = all.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1]!)
      .filter((target) => !existsSync(join(PROJECT, dirname(path), target)))
      .map((target) => `${path}: ${target}`),
  );
  expect(broken).toEqual([]);
});

test('every file of the project that a document names exists', () => {
  const named = all.flatMap(({ path, text }) =>
    [...text.matchAll(/`((?:src|test|native|images|bin|docs|\.ci|\.github)\/[\w./-]*\w\/?)`/g)].map((match) => ({
      path,
      name: match[1]!,
    })),
  );
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter(({ name }) => !existsSync(join(PROJECT, name)))).toEqual([]);
});

// .dockerignore, as moby's pattern matcher reads it.

import { expect, test } from 'vitest';
import { IgnoreRules, readIgnoreFile } from '../../src/build/ignore.ts';

test.each<[rules: string, path: string, excluded: boolean]>([
  ['*.log', 'a.log', true],
  ['*.log', 'dir/a.log', false],
  ['**/*.log', 'dir/a.log', true],
  ['**/*.log', 'a.log', true],
  ['dir', 'dir/sub/file', true],
  ['dir/', 'dir/file', true],
  ['/dir', 'dir', true],
  ['dir/*', 'dir/a', true],
  ['dir/**', 'dir/a/b', true],
  ['dir/**', 'directory', false],
  ['a?c', 'abc', true],
  ['a?c', 'a/c', false],
  ['[ab].txt', 'b.txt', true],
  ['*\n!keep', 'keep', false],
  ['*\n!keep', 'other', true],
  ['dir\n!dir/keep', 'dir/keep', false],
  ['!dir/keep\ndir', 'dir/keep', true],
  ['**\n!**/*.js', 'src/a.js', false],
  ['# comment\n\n  spaced  ', 'spaced', true],
  ['a.b', 'aXb', false],
])('%j and %s: left out is %s', (text, path, excluded) => {
  const rules = new IgnoreRules(readIgnoreFile(text));
  expect(rules.excludes(path)).toBe(excluded);
});

test('a lone ! and an open bracket are refused', () => {
  expect(() => new IgnoreRules(['!'])).toThrow('illegal exclusion pattern: "!"');
  expect(() => new IgnoreRules(['[a'])).toThrow('syntax error in pattern');
});

test('a directory that is left out is entered when a later line may bring something back', () => {
  const rules = new IgnoreRules(['dir', '!dir/keep']);
  expect(rules.reaches('dir')).toBe(true);
  expect(rules.reaches('other')).toBe(false);
});

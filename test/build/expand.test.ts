// Variables in the words of a Dockerfile, as the reference has them.

import { expect, test } from 'vitest';
import { expandWord, expandWords } from '../../src/build/dockerfile/expand.ts';

const values: Record<string, string> = {
  NAME: 'value',
  EMPTY: '',
  PATH: '/usr/local/bin',
  FILE: 'a.tar.gz',
  WORDS: 'one two',
};
const options = { escape: '\\', value: (name: string) => values[name] };

test.each([
  ['$NAME', 'value'],
  ['${NAME}x', 'valuex'],
  ['$UNSET', ''],
  ['\\$NAME', '$NAME'],
  ["'$NAME'", '$NAME'],
  ['"$NAME \\"x\\""', 'value "x"'],
  ['${UNSET:-default}', 'default'],
  ['${EMPTY:-default}', 'default'],
  ['${EMPTY-default}', ''],
  ['${NAME:+set}', 'set'],
  ['${EMPTY:+set}', ''],
  ['${EMPTY+set}', 'set'],
  ['${UNSET:-${NAME}}', 'value'],
  ['${PATH#*/}', 'usr/local/bin'],
  ['${PATH##*/}', 'bin'],
  ['${FILE%.*}', 'a.tar'],
  ['${FILE%%.*}', 'a'],
  ['${PATH/local/x}', '/usr/x/bin'],
  ['${PATH//\\//-}', '-usr-local-bin'],
  ['$', '$'],
  ['a$1b', 'ab'],
])('%s is %s', (text, result) => {
  expect(expandWord(text, options)).toBe(result);
});

test.each([
  ['${', "syntax error: missing '}'"],
  ['${}', 'syntax error: bad substitution'],
  ["'open", 'unexpected end of statement while looking for matching single-quote'],
  ['"open', 'unexpected end of statement while looking for matching double-quote'],
  ['${NAME^^}', 'unsupported modifier (^) in substitution'],
  ['${UNSET:?not there}', 'UNSET: not there'],
])('%s is an error that says %s', (text, message) => {
  expect(() => expandWord(text, options)).toThrow(message);
});

test('a value that holds blanks becomes several words, a quoted one does not', () => {
  expect(expandWords('$WORDS', options)).toEqual(['one', 'two']);
  expect(expandWords('"$WORDS"', options)).toEqual(['one two']);
});

import { expect, test } from 'vitest';
import { parseChallenges } from '../../src/registry/challenge.ts';

test.each([
  ['Basic realm="x"', [{ scheme: 'basic', parameters: { realm: 'x' } }]],
  [
    'Bearer realm="https://a/token",service="s",scope="repository:a/b:pull,push"',
    [{ scheme: 'bearer', parameters: { realm: 'https://a/token', service: 's', scope: 'repository:a/b:pull,push' } }],
  ],
  [
    'Bearer realm="https://a/token" , service = s, Basic realm="b"',
    [
      { scheme: 'bearer', parameters: { realm: 'https://a/token', service: 's' } },
      { scheme: 'basic', parameters: { realm: 'b' } },
    ],
  ],
  ['bearer Realm="a\\"b"', [{ scheme: 'bearer', parameters: { realm: 'a"b' } }]],
  ['Negotiate', [{ scheme: 'negotiate', parameters: {} }]],
  [
    'Negotiate, Basic realm="b"',
    [
      { scheme: 'negotiate', parameters: {} },
      { scheme: 'basic', parameters: { realm: 'b' } },
    ],
  ],
  ['realm="nobody"', []],
  ['', []],
  [',,,=,"', []],
])('%s is read as RFC 7235 says', (header, challenges) => {
  expect(parseChallenges(header)).toEqual(challenges);
});

test('several headers are several challenges', () => {
  expect(parseChallenges(['Basic realm="a"', 'Bearer realm="b"']).map(({ scheme }) => scheme)).toEqual([
    'basic',
    'bearer',
  ]);
});

test.each([
  ['quotes without end', 'Basic ' + 'a="'.repeat(50_000)],
  ['backslashes without end', 'Basic a="' + '\\'.repeat(50_000)],
  ['blanks without end', 'a' + ' '.repeat(50_000)],
])('a header of %s, made to be slow, is one challenge at most, before the test times out', (_, header) => {
  expect(parseChallenges(header).length).toBeLessThanOrEqual(1);
});

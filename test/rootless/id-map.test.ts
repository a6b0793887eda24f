// Which ids an environment gets: the policy alone, no privileges.

import { expect, test } from 'vitest';
import {
  formatIdMap,
  freeRange,
  mapOfUser,
  outsideId,
  parseIdMap,
  parseSubIds,
  sizeOf,
} from '../../src/rootless/id-map.ts';

test('ranges are found by name and by number, in the order of the file', () => {
  const text = 'alice:100000:65536\nbob:165536:65536\n1000:300000:10\n# alice:1:1\nalice:400000:5\n';
  expect(parseSubIds(text, { name: 'alice', uid: 1000 })).toEqual([
    { start: 100000, count: 65536 },
    { start: 300000, count: 10 },
    { start: 400000, count: 5 },
  ]);
});

test.each(['alice', 'alice:100000', 'alice:-1:5', 'alice:1:0', 'alice:4294967290:10', 'alice:1e5:3', ':1:1'])(
  'a malformed line gives nobody anything: %s',
  (line) => expect(parseSubIds(`${line}\n`, { name: 'alice', uid: 1000 })).toEqual([]),
);

test('a user is 0 inside and the subordinate ids follow from 1 on', () => {
  const map = mapOfUser(1000, [
    { start: 100000, count: 65536 },
    { start: 300000, count: 10 },
  ]);
  expect(formatIdMap(map)).toBe('0 1000 1\n1 100000 65536\n65537 300000 10\n');
  expect(sizeOf(map)).toBe(65547);
  expect([0, 1, 65536, 65537, 65547].map((id) => outsideId(map, id))).toEqual([
    1000,
    100000,
    165535,
    300000,
    undefined,
  ]);
});

test('no host id appears twice: not when ranges overlap, not when one holds the user', () => {
  const map = mapOfUser(1005, [
    { start: 1000, count: 10 },
    { start: 1008, count: 10 },
  ]);
  expect(formatIdMap(map)).toBe('0 1005 1\n1 1000 5\n6 1006 4\n10 1010 8\n');
});

test('the kernel prints what formatIdMap writes', () => {
  expect(parseIdMap('         0       1000          1\n         1     100000      65536\n')).toEqual([
    { inside: 0, outside: 1000, count: 1 },
    { inside: 1, outside: 100000, count: 65536 },
  ]);
});

test('root gets the first 65536 ids that are nobody’s', () => {
  const whole = [{ inside: 0, outside: 0, count: 4294967295 }];
  expect(freeRange([], whole)).toEqual({ start: 100000, count: 65536 });
  const taken = [
    { start: 165536, count: 65536 },
    { start: 100000, count: 65536 },
    { start: 240000, count: 1 },
  ];
  expect(freeRange(taken, whole)).toEqual({ start: 240001, count: 65536 });
});

test('root in a user namespace without room is told so', () => {
  expect(() => freeRange([], [{ inside: 0, outside: 100000, count: 65536 }])).toThrow(/no 65536 free subordinate ids/);
});

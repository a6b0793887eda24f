// What the name server of a container answers by itself, and what it leaves to others: pure.

import { decode as decodePacket, encode, type DecodedPacket, type Question } from 'dns-packet';
import { expect, test } from 'vitest';
import { answer, failure, type Zone } from '../../src/network/dns-answer.ts';

/** The types of the library leave out the response code. */
const decode = (bytes: Buffer) => decodePacket(bytes) as DecodedPacket & { rcode: string };

const zone: Zone = {
  addresses: (name) => ({ web: ['172.18.0.2', 'fd00::2'], db: ['172.18.0.3'] })[name],
  name: (address) => ({ '172.18.0.2': 'web.n1', 'fd00::2': 'web.n1' })[address],
};
const ask = (name: string, type: Question['type']) => {
  const query = encode({ type: 'query', id: 77, flags: 0x100, questions: [{ name, type, class: 'IN' }] });
  const response = answer(Buffer.from(query), zone);
  return response && decode(response);
};

test('A and AAAA give the addresses of their family, under the question’s id and spelling', () => {
  const response = ask('WEB', 'A')!;
  expect([response.id, response.type, response.rcode]).toEqual([77, 'response', 'NOERROR']);
  expect(response.answers).toMatchObject([{ name: 'WEB', type: 'A', ttl: 600, data: '172.18.0.2' }]);
  expect(ask('web', 'AAAA')!.answers).toMatchObject([{ type: 'AAAA', data: 'fd00::2' }]);
});

test('a name that exists without an address of the family is an empty answer, not an error', () => {
  const response = ask('db', 'AAAA')!;
  expect([response.rcode, response.answers]).toEqual(['NOERROR', []]);
  expect(ask('db', 'MX')!.answers).toEqual([]);
});

test('reverse names of both families', () => {
  expect(ask('2.0.18.172.in-addr.arpa', 'PTR')!.answers).toMatchObject([{ data: 'web.n1' }]);
  const nibbles = `2.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`;
  expect(ask(nibbles, 'PTR')!.answers).toMatchObject([{ data: 'web.n1' }]);
});

test('what is not ours is for other servers', () => {
  expect(ask('example.org', 'A')).toBeUndefined();
  expect(ask('9.0.0.10.in-addr.arpa', 'PTR')).toBeUndefined();
});

test('a failure keeps the id and the question', () => {
  const query = Buffer.from(encode({ type: 'query', id: 5, questions: [{ name: 'x', type: 'A' }] }));
  const response = decode(failure(query, 'serverFailure'));
  expect([response.id, response.rcode, response.questions?.[0]?.name]).toEqual([5, 'SERVFAIL', 'x']);
  expect(failure(Buffer.alloc(3), 'formatError')).toHaveLength(0);
});

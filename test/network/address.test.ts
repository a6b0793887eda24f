// Addresses, subnets and the choice among them: pure.

import { expect, test } from 'vitest';
import {
  addressBytes,
  contains,
  formatAddress,
  formatPrefix,
  macOf,
  parseAddress,
  parsePrefix,
} from '../../src/network/address.ts';
import { freeAddress, freeSubnet, uniqueLocal } from '../../src/network/pool.ts';

test.each([
  ['172.17.0.2', '172.17.0.2'],
  ['0.0.0.0', '0.0.0.0'],
  ['::', '::'],
  ['::1', '::1'],
  ['fd00:0:0:1:0:0:0:2', 'fd00:0:0:1::2'],
  ['2001:DB8::A', '2001:db8::a'],
  ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
  ['::ffff:10.0.0.1', '::ffff:a00:1'],
])('%s is read and written as %s', (text, written) => {
  expect(formatAddress(parseAddress(text)!)).toBe(written);
});

test.each(['', '1.2.3', '256.0.0.1', 'fe80::1%eth0', 'name', '1::2::3'])('%j is no address', (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

test('bytes are in network order', () => {
  expect([...addressBytes(parseAddress('10.0.2.100')!)]).toEqual([10, 0, 2, 100]);
  expect(addressBytes(parseAddress('fd00::2')!).toString('hex')).toBe('fd000000000000000000000000000002');
});

test('a subnet holds its addresses and no others; bits behind its length are cut off', () => {
  const subnet = parsePrefix('10.9.3.7/16')!;
  expect(formatPrefix(subnet)).toBe('10.9.0.0/16');
  expect(contains(subnet, parseAddress('10.9.255.255')!)).toBe(true);
  expect(contains(subnet, parseAddress('10.10.0.0')!)).toBe(false);
  expect(contains(subnet, parseAddress('::1')!)).toBe(false);
  expect(parsePrefix('10.0.0.0/33')).toBeUndefined();
});

test('a MAC address is that of Docker: 02:42 and the address', () => {
  expect(macOf(parseAddress('172.17.0.2')!)).toBe('02:42:ac:11:00:02');
});

test('the first free subnet overlaps with none that is taken', () => {
  expect(formatPrefix(freeSubnet([])!)).toBe('172.17.0.0/16');
  expect(formatPrefix(freeSubnet([parsePrefix('172.17.5.0/24')!, parsePrefix('172.18.0.0/15')!])!)).toBe(
    '172.20.0.0/16',
  );
  expect(freeSubnet([parsePrefix('0.0.0.0/0')!])).toBeUndefined();
});

test('the first free address is neither the network’s nor the broadcast address nor outside the range', () => {
  const next = (subnet: string, taken: string[], range?: string) => {
    const values = new Set(taken.map((text) => parseAddress(text)!.value));
    const found = freeAddress(parsePrefix(subnet)!, { taken: values, range: range ? parsePrefix(range) : undefined });
    return found && formatAddress(found);
  };
  expect(next('10.0.0.0/30', [])).toBe('10.0.0.1');
  expect(next('10.0.0.0/30', ['10.0.0.1', '10.0.0.2'])).toBeUndefined();
  expect(next('10.0.0.0/31', [])).toBe('10.0.0.0');
  expect(next('10.0.0.0/24', ['10.0.0.1'], '10.0.0.128/25')).toBe('10.0.0.128');
  expect(next('fd00::/64', [])).toBe('fd00::1');
});

test('an IPv6 subnet of our own is a unique local one', () => {
  expect(formatPrefix(uniqueLocal(Uint8Array.of(1, 2, 3, 4, 5)))).toBe('fd01:203:405::/64');
});

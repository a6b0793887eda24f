// Which subnet a network gets, and which address of it an endpoint. Pure: what is taken comes in as data, and nothing is
// remembered, so that there is nothing to leak. Runs in the daemon. moby: libnetwork/ipams/defaultipam

import { lastOf, overlaps, parsePrefix, type Address, type Prefix } from './address.ts';

/** Docker's own: sixteen bits of 172.17–31 each, then 4096 addresses of 192.168 each. */
const POOLS: Prefix[] = [
  ...Array.from({ length: 15 }, (_, i) => parsePrefix(`172.${17 + i}.0.0/16`)!),
  ...Array.from({ length: 16 }, (_, i) => parsePrefix(`192.168.${16 * i}.0/20`)!),
];

/** The first of Docker's subnets that overlaps none of `taken`; undefined when there is none left. */
export function freeSubnet(taken: Prefix[]): Prefix | undefined {
  return POOLS.find((pool) => !taken.some((other) => overlaps(pool, other)));
}

/**
 * A subnet for IPv6: fd00::/8 with forty random bits, as RFC 4193 wants it.
 * @param random at least five bytes
 */
export function uniqueLocal(random: Uint8Array): Prefix {
  const global = BigInt(`0x${Buffer.from(random.subarray(0, 5)).toString('hex')}`);
  return { family: 6, value: (0xfdn << 120n) | (global << 80n), length: 64 };
}

/** The first address of `range` that is in use by nobody; network and broadcast address of `subnet` are nobody's. */
export function freeAddress(
  subnet: Prefix,
  { range = subnet, taken }: { range?: Prefix; taken: ReadonlySet<bigint> },
): Address | undefined {
  const whole = subnet.family === 4 && subnet.length <= 30;
  const low = subnet.value + (subnet.length >= (subnet.family === 4 ? 31 : 127) ? 0n : 1n);
  const high = lastOf(subnet) - (whole ? 1n : 0n);
  const from = range.value > low ? range.value : low;
  const to = lastOf(range) < high ? lastOf(range) : high;
  for (let value = from; value <= to; value++) if (!taken.has(value)) return { family: subnet.family, value };
  return undefined;
}

// IP and MAC addresses as numbers, text and bytes. Pure. Runs in the daemon. RFC 4632 (CIDR), RFC 5952 (IPv6 text)

import { isIP } from 'node:net';

export type Family = 4 | 6;

/** An address: its family, and its value as a number. */
export interface Address {
  family: Family;
  value: bigint;
}

export interface Prefix {
  family: Family;
  /** the first address: the bits behind the length are zero */
  value: bigint;
  length: number;
}

export const bits = (family: Family): number => (family === 4 ? 32 : 128);

/** `172.17.0.2`, `fd00::2`; undefined for anything else (names, zones, IPv4 in IPv6 included in neither form). */
export function parseAddress(text: string): Address | undefined {
  const family = isIP(text);
  if (family === 4) return { family: 4, value: text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n) };
  if (family !== 6 || text.includes('%')) return undefined;
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const plain = dotted
    ? `${dotted[1]}${(Number(dotted[2]) * 256 + Number(dotted[3])).toString(16)}:${(Number(dotted[4]) * 256 + Number(dotted[5])).toString(16)}`
    : text;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return { family: 6, value: groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n) };
}

/** The shortest text, as every program prints it. */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  const run = longestZeros(groups);
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  if (run.length < 2) return text(groups);
  return `${text(groups.slice(0, run.start))}::${text(groups.slice(run.start + run.length))}`;
}

function longestZeros(groups: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** In network byte order: 4 or 16 bytes. */
export function addressBytes({ family, value }: Address): Buffer {
  return Buffer.from(value.toString(16).padStart(bits(family) / 4, '0'), 'hex');
}

/** From 4 or 16 bytes in network byte order. */
export function addressOfBytes(bytes: Uint8Array): Address {
  return { family: bytes.length === 4 ? 4 : 6, value: BigInt(`0x${Buffer.from(bytes).toString('hex')}`) };
}

/** `172.17.0.0/16`; bits behind the length are cut off. undefined for anything else. */
export function parsePrefix(text: string): Prefix | undefined {
  const match = /^(.+)\/(\d{1,3})$/.exec(text);
  const address = match && parseAddress(match[1]!);
  const length = Number(match?.[2]);
  if (!address || length > bits(address.family)) return undefined;
  return prefixOf(address, length);
}

/** The prefix of this length around an address. */
export function prefixOf({ family, value }: Address, length: number): Prefix {
  const free = BigInt(bits(family) - length);
  return { family, value: (value >> free) << free, length };
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix)}/${prefix.length}`;
}

/** The last address: broadcast, in IPv4. */
export function lastOf({ family, value, length }: Prefix): bigint {
  return value + (1n << BigInt(bits(family) - length)) - 1n;
}

export function contains(prefix: Prefix, address: Address): boolean {
  return prefix.family === address.family && address.value >= prefix.value && address.value <= lastOf(prefix);
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return a.family === b.family && a.value <= lastOf(b) && b.value <= lastOf(a);
}

/** `02:42:ac:11:00:02` → 6 bytes. */
export function macBytes(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}

/** Docker's address of an interface: 02:42 and the four bytes of its IPv4 address, so that a neighbour's cache stays true. */
export function macOf(address: Address): string {
  const bytes = addressBytes(address).subarray(-4);
  return [0x02, 0x42, ...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

// Answers of the name server in containers, from a zone that is handed in; what the zone does not know is forwarded by
// dns-server.ts. Pure. Runs in the daemon. RFC 1035; moby: libnetwork/resolver.go

import { AUTHORITATIVE_ANSWER, decode, encode, RECURSION_AVAILABLE, type Answer, type Packet } from 'dns-packet';
import { addressOfBytes, formatAddress, parseAddress } from './address.ts';

/** Seconds that a name may be kept, as with Docker's. */
const TTL = 600;
const RECURSION_DESIRED = 0x100;
const RCODE = { formatError: 1, serverFailure: 2 } as const;

/** The names that one container can see. */
export interface Zone {
  /** Addresses of a name, lower case and without the last dot; undefined: not one of ours. */
  addresses(name: string): string[] | undefined;
  /** The name of an address; undefined: not one of ours. */
  name(address: string): string | undefined;
}

/** The response to a query; undefined when the zone does not have it and another server must be asked. */
export function answer(query: Buffer, zone: Zone): Buffer | undefined {
  const packet = decode(query);
  const question = packet.questions?.[0];
  if (!question || packet.type !== 'query') return failure(query, 'formatError');
  const { name, type } = question;
  if (type === 'A' || type === 'AAAA') {
    const addresses = zone.addresses(name.toLowerCase().replace(/\.$/, ''));
    if (addresses === undefined) return undefined;
    const family = type === 'A' ? 4 : 6;
    // A name without an address of this kind exists all the same: an empty answer, not an error.
    const fitting = addresses.filter((text) => parseAddress(text)?.family === family);
    return respond(
      packet,
      fitting.map((data): Answer => ({ type, name, ttl: TTL, class: 'IN', data })),
    );
  }
  if (type === 'PTR') {
    const address = reverseOf(name.toLowerCase());
    const data = address === undefined ? undefined : zone.name(address);
    if (data === undefined) return undefined;
    return respond(packet, [{ type, name, ttl: TTL, class: 'IN', data }]);
  }
  // Other records of our own names: there are none.
  return zone.addresses(name.toLowerCase().replace(/\.$/, '')) === undefined ? undefined : respond(packet, []);
}

function respond(query: Packet, answers: Answer[]): Buffer {
  const flags = AUTHORITATIVE_ANSWER | RECURSION_AVAILABLE | ((query.flags ?? 0) & RECURSION_DESIRED);
  return encode({ type: 'response', id: query.id, flags, questions: query.questions, answers });
}

/** An error for a query, made of its header alone, since the rest may be what is wrong with it. */
export function failure(query: Buffer, code: keyof typeof RCODE): Buffer {
  const response = Buffer.from(query);
  if (response.length < 12) return Buffer.alloc(0);
  response[2] = 0x80 | (response[2]! & 0x79);
  response[3] = 0x80 | RCODE[code];
  return response;
}

/** `2.0.17.172.in-addr.arpa` → `172.17.0.2`; undefined for other names. */
function reverseOf(name: string): string | undefined {
  const four = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa\.?$/.exec(name);
  if (four) return [four[4], four[3], four[2], four[1]].join('.');
  const six = /^((?:[0-9a-f]\.){32})ip6\.arpa\.?$/.exec(name);
  if (!six) return undefined;
  return formatAddress(addressOfBytes(Buffer.from(six[1]!.split('.').reverse().join(''), 'hex')));
}

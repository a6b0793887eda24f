// What may pass in the rootless network namespace: one set of rules, made with the namespace, and elements that come and go
// with networks and endpoints. The policy as data; nftables.ts encodes it. Runs in the daemon. nft(8)

import { addressBytes, macBytes, type Address } from './address.ts';
import type { Message } from './netlink.ts';
import * as nft from './nftables.ts';

/** Marks packets for sockets of the forwarder that are bound to a client's address. */
export const TRANSPARENT_MARK = 1;

/** Routing, masquerading, and the way back to transparent sockets. */
const ROUTES: nft.Table = { family: nft.NFPROTO.inet, name: 'punnet' };
/** Who may send what on a bridge. */
const PORTS: nft.Table = { family: nft.NFPROTO.bridge, name: 'punnet' };

const ESTABLISHED_OR_RELATED = Buffer.from([6, 0, 0, 0]);
const ETHERTYPE = { ip: Buffer.from([0x08, 0x00]), arp: Buffer.from([0x08, 0x06]), ip6: Buffer.from([0x86, 0xdd]) };
const ETHER_TYPE: nft.Field = { base: 'link', offset: 12, size: 2 };
const ETHER_SOURCE: nft.Field = { base: 'link', offset: 6, size: 6 };
const IP_SOURCE: nft.Field = { base: 'network', offset: 12, size: 4 };
const ARP_SOURCE: nft.Field = { base: 'network', offset: 14, size: 4 };
const IP6_SOURCE: nft.Field = { base: 'network', offset: 8, size: 16 };
/** Where the second part of a key begins: behind the name of an interface. */
const SECOND = 12;

/** The rules of an empty namespace whose way out is the device `uplink`. */
export function baseRules(uplink: string): Message[] {
  const out = nft.ifname(uplink);
  const rule = (chain: string, ...expressions: Buffer[]) => nft.addRule(ROUTES, chain, expressions);
  return [
    nft.addTable(ROUTES),
    nft.addSet(ROUTES, { name: 'outgoing', id: 1, key: ['ifname'] }),
    nft.addChain(ROUTES, { name: 'prerouting', type: 'filter', hook: 'prerouting', priority: -150 }),
    nft.addChain(ROUTES, { name: 'forward', type: 'filter', hook: 'forward', priority: 0, policy: 'drop' }),
    nft.addChain(ROUTES, { name: 'postrouting', type: 'nat', hook: 'postrouting', priority: 100 }),
    rule(
      'prerouting',
      nft.socketTransparent,
      nft.equal(Buffer.from([1])),
      nft.immediate(Buffer.from([TRANSPARENT_MARK, 0, 0, 0])),
      nft.setMeta('mark'),
    ),
    rule('forward', nft.ctState, nft.bitwiseAnd(ESTABLISHED_OR_RELATED), nft.notEqual(Buffer.alloc(4)), nft.accept),
    // From one network only to the outside: the forwarding between two of them is what the policy drops.
    rule('forward', nft.meta('iifname'), nft.lookup('outgoing'), nft.meta('oifname'), nft.equal(out), nft.accept),
    rule('postrouting', nft.meta('oifname'), nft.equal(out), nft.masquerade),
    ...portRules(),
  ];
}

/** A frame that enters a bridge has a source that belongs to its port, or it is dropped. */
function portRules(): Message[] {
  const rule = (...expressions: Buffer[]) => nft.addRule(PORTS, 'prerouting', expressions);
  const isType = (type: Buffer) => [nft.payload(ETHER_TYPE), nft.equal(type)];
  const unknown = (set: string, field: nft.Field) => [
    nft.meta('iifname'),
    nft.payload(field, SECOND),
    nft.lookup(set, { inverted: true }),
    nft.drop,
  ];
  const from6 = (prefix: number[]) => [
    ...isType(ETHERTYPE.ip6),
    nft.payload({ ...IP6_SOURCE, size: prefix.length }),
    nft.equal(Buffer.from(prefix)),
    nft.accept,
  ];
  return [
    nft.addTable(PORTS),
    nft.addSet(PORTS, { name: 'mac', id: 2, key: ['ifname', 'ether_addr'] }),
    nft.addSet(PORTS, { name: 'ip', id: 3, key: ['ifname', 'ipv4_addr'] }),
    nft.addSet(PORTS, { name: 'ip6', id: 4, key: ['ifname', 'ipv6_addr'] }),
    nft.addChain(PORTS, { name: 'prerouting', type: 'filter', hook: 'prerouting', priority: -300 }),
    rule(...unknown('mac', ETHER_SOURCE)),
    rule(...isType(ETHERTYPE.ip), ...unknown('ip', IP_SOURCE)),
    rule(...isType(ETHERTYPE.arp), ...unknown('ip', ARP_SOURCE)),
    // Link-local addresses, and none yet: neighbour discovery.
    rule(...from6([0xfe, 0x80])),
    rule(...from6(Array<number>(16).fill(0))),
    rule(...isType(ETHERTYPE.ip6), ...unknown('ip6', IP6_SOURCE)),
  ];
}

const bridgeElement = (bridge: string): nft.Element => ({ table: ROUTES, set: 'outgoing', key: nft.ifname(bridge) });

/** Lets the containers of a bridge reach the outside. */
export const allowOutgoing = (bridge: string): Message => nft.addElement(bridgeElement(bridge));
export const forbidOutgoing = (bridge: string): Message => nft.deleteElement(bridgeElement(bridge));

export interface Port {
  /** the port's device */
  name: string;
  mac: string;
  addresses: Address[];
}

function portElements({ name, mac, addresses }: Port): nft.Element[] {
  const device = nft.ifname(name);
  return [
    { table: PORTS, set: 'mac', key: Buffer.concat([device, macBytes(mac), Buffer.alloc(2)]) },
    ...addresses.map((address) => ({
      table: PORTS,
      set: address.family === 4 ? 'ip' : 'ip6',
      key: Buffer.concat([device, addressBytes(address)]),
    })),
  ];
}

/** Lets a port send from these addresses. */
export const allowPort = (port: Port): Message[] => portElements(port).map(nft.addElement);
export const forgetPort = (port: Port): Message[] => portElements(port).map(nft.deleteElement);

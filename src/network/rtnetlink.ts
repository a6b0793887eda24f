// Links, addresses, routes and rules as messages of rtnetlink: each function is one message, and no more. Pure.
// rtnetlink(7), linux/if_link.h, linux/rtnetlink.h, linux/fib_rules.h; names of attributes are the kernel's

import { addressBytes, macBytes, type Address, type Family, type Prefix } from './address.ts';
import {
  attribute,
  attributesOf,
  nested,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  readText,
  text,
  u32,
  u8,
  type Answer,
  type Message,
} from './netlink.ts';

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_SETLINK = 19;
const RTM_NEWADDR = 20;
const RTM_NEWROUTE = 24;
const RTM_NEWRULE = 32;

const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  MASTER: 10,
  PROTINFO: 12,
  LINKINFO: 18,
  AF_SPEC: 26,
  NET_NS_FD: 28,
} as const;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
const IFLA_MACVLAN_MODE = 1;
const IFLA_BRPORT_ISOLATED = 33;
const IFLA_INET_CONF = 1;
const IPV4_DEVCONF_ARP_NOTIFY = 22;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IN6_ADDR_GEN_MODE_NONE = 1;
const IFF_UP = 1;
const AF_BRIDGE = 7;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 0x2;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_TABLE = 15;
const FRA_FWMARK = 10;
const FRA_TABLE = 15;
const RTPROT_BOOT = 3;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_HOST = 254;
const RTN_UNICAST = 1;
const RTN_LOCAL = 2;
const RT_TABLE_MAIN = 254;

const kernelFamily = (family: Family) => (family === 4 ? 2 : 10);
const CREATE = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;

/** struct ifinfomsg */
function linkHeader({ index = 0, up, family = 0 }: { index?: number; up?: boolean; family?: number }): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt8(family, 0);
  bytes.writeInt32LE(index, 4);
  if (up !== undefined) {
    bytes.writeUInt32LE(up ? IFF_UP : 0, 8);
    bytes.writeUInt32LE(IFF_UP, 12);
  }
  return bytes;
}

interface LinkOptions {
  name: string;
  mtu?: number;
  mac?: string;
}

const linkAttributes = ({ name, mtu, mac }: LinkOptions): Buffer[] => [
  attribute(IFLA.IFNAME, text(name)),
  ...(mtu === undefined ? [] : [attribute(IFLA.MTU, u32(mtu))]),
  ...(mac === undefined ? [] : [attribute(IFLA.ADDRESS, macBytes(mac))]),
];

/** `ip link add NAME type bridge` */
export function addBridge(options: LinkOptions): Message {
  const body = Buffer.concat([
    linkHeader({}),
    ...linkAttributes(options),
    nested(IFLA.LINKINFO, attribute(IFLA_INFO_KIND, text('bridge'))),
  ]);
  return { what: `create bridge ${options.name}`, type: RTM_NEWLINK, flags: CREATE, body };
}

/** A pair of devices: one here, a port of the bridge `master`; the other in the namespace of descriptor `netns`. */
export function addVeth(options: LinkOptions & { master: number; peer: LinkOptions & { netns: number } }): Message {
  const { peer } = options;
  const body = Buffer.concat([
    linkHeader({}),
    ...linkAttributes(options),
    attribute(IFLA.MASTER, u32(options.master)),
    nested(
      IFLA.LINKINFO,
      attribute(IFLA_INFO_KIND, text('veth')),
      nested(
        IFLA_INFO_DATA,
        nested(VETH_INFO_PEER, linkHeader({}), ...linkAttributes(peer), attribute(IFLA.NET_NS_FD, u32(peer.netns))),
      ),
    ),
  ]);
  return { what: `create veth ${options.name} and ${peer.name}`, type: RTM_NEWLINK, flags: CREATE, body };
}

export const MACVLAN_MODE = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;

/** A device with a MAC address of its own on `link`, in the namespace of descriptor `netns`. */
export function addMacvlan(
  options: LinkOptions & { link: number; mode: keyof typeof MACVLAN_MODE; netns: number },
): Message {
  const body = Buffer.concat([
    linkHeader({}),
    ...linkAttributes(options),
    attribute(IFLA.LINK, u32(options.link)),
    attribute(IFLA.NET_NS_FD, u32(options.netns)),
    nested(
      IFLA.LINKINFO,
      attribute(IFLA_INFO_KIND, text('macvlan')),
      nested(IFLA_INFO_DATA, attribute(IFLA_MACVLAN_MODE, u32(MACVLAN_MODE[options.mode]))),
    ),
  ]);
  return { what: `create macvlan ${options.name}`, type: RTM_NEWLINK, flags: CREATE, body };
}

/** Up; without link-local addresses unless `ipv6`; with `announce` it tells neighbours of its address (arp_notify). */
export function setUp(name: string, { ipv6, announce }: { ipv6: boolean; announce: boolean }): Message {
  const inet = nested(2, nested(IFLA_INET_CONF, attribute(IPV4_DEVCONF_ARP_NOTIFY, u32(1))));
  const inet6 = nested(10, attribute(IFLA_INET6_ADDR_GEN_MODE, u8(IN6_ADDR_GEN_MODE_NONE)));
  const body = Buffer.concat([
    linkHeader({ up: true }),
    attribute(IFLA.IFNAME, text(name)),
    nested(IFLA.AF_SPEC, ...(announce ? [inet] : []), ...(ipv6 ? [] : [inet6])),
  ]);
  return { what: `bring up link ${name}`, type: RTM_SETLINK, flags: NLM_F_ACK, body };
}

/** Whether a bridge's port may talk to other ports like it. */
export function setIsolated(index: number, isolated: boolean): Message {
  const body = Buffer.concat([
    linkHeader({ index, family: AF_BRIDGE }),
    nested(IFLA.PROTINFO, attribute(IFLA_BRPORT_ISOLATED, u8(isolated ? 1 : 0))),
  ]);
  return { what: `isolate bridge port ${index}`, type: RTM_SETLINK, flags: NLM_F_ACK, body };
}

export function deleteLink(name: string): Message {
  const body = Buffer.concat([linkHeader({}), attribute(IFLA.IFNAME, text(name))]);
  return { what: `delete link ${name}`, type: RTM_DELLINK, flags: NLM_F_ACK, body };
}

/** Asks for one link. */
export function getLink(name: string): Message {
  const body = Buffer.concat([linkHeader({}), attribute(IFLA.IFNAME, text(name))]);
  return { what: `look up link ${name}`, type: RTM_GETLINK, flags: 0, body };
}

/** Asks for all links. */
export function getLinks(): Message {
  return { what: 'list links', type: RTM_GETLINK, flags: NLM_F_DUMP, body: linkHeader({}) };
}

export interface Link {
  index: number;
  name: string;
}

/** The links among the answers. */
export function linksOf(answers: Answer[]): Link[] {
  return answers
    .filter(({ type }) => type === RTM_NEWLINK)
    .map(({ body }) => ({
      index: body.readInt32LE(4),
      name: readText(attributesOf(body, 16).get(IFLA.IFNAME)),
    }));
}

/** An address of link `index`, with the length of its subnet. */
export function addAddress(index: number, { address, length }: { address: Address; length: number }): Message {
  const header = Buffer.alloc(8);
  header.writeUInt8(kernelFamily(address.family), 0);
  header.writeUInt8(length, 1);
  header.writeUInt32LE(index, 4);
  const bytes = addressBytes(address);
  const broadcast = address.value | ((1n << BigInt(32 - Math.min(length, 32))) - 1n);
  const body = Buffer.concat([
    header,
    attribute(IFA_LOCAL, bytes),
    attribute(IFA_ADDRESS, bytes),
    ...(address.family === 4 && length < 31
      ? [attribute(IFA_BROADCAST, addressBytes({ family: 4, value: broadcast }))]
      : []),
    // The daemon knows that nobody else has it.
    ...(address.family === 6 ? [attribute(IFA_FLAGS, u32(IFA_F_NODAD))] : []),
  ]);
  return { what: `add an address to link ${index}`, type: RTM_NEWADDR, flags: CREATE, body };
}

/** struct rtmsg; struct fib_rule_hdr has the same fields. */
function routeHeader(
  family: number,
  rest: { length: number; table: number; protocol: number; scope: number; type: number },
): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.set([family, rest.length, 0, 0, rest.table, rest.protocol, rest.scope, rest.type]);
  return bytes;
}

function defaultRoute(gateway: Address, flags: number): Message {
  const body = Buffer.concat([
    routeHeader(kernelFamily(gateway.family), {
      length: 0,
      table: RT_TABLE_MAIN,
      protocol: RTPROT_BOOT,
      scope: RT_SCOPE_UNIVERSE,
      type: RTN_UNICAST,
    }),
    attribute(RTA_GATEWAY, addressBytes(gateway)),
  ]);
  return { what: 'set the default route', type: RTM_NEWROUTE, flags, body };
}

/** `ip route add default via GATEWAY` */
export const addDefaultRoute = (gateway: Address): Message => defaultRoute(gateway, CREATE);
/** `ip route replace default via GATEWAY` */
export const replaceDefaultRoute = (gateway: Address): Message =>
  defaultRoute(gateway, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);

/** `ip route add local PREFIX dev lo table TABLE`: packets to these addresses are for this host. */
export function addLocalRoute(prefix: Prefix, { table, loopback }: { table: number; loopback: number }): Message {
  const body = Buffer.concat([
    routeHeader(kernelFamily(prefix.family), {
      length: prefix.length,
      table: 0,
      protocol: RTPROT_BOOT,
      scope: RT_SCOPE_HOST,
      type: RTN_LOCAL,
    }),
    attribute(RTA_DST, addressBytes(prefix)),
    attribute(RTA_OIF, u32(loopback)),
    attribute(RTA_TABLE, u32(table)),
  ]);
  return { what: `add a local route to table ${table}`, type: RTM_NEWROUTE, flags: CREATE, body };
}

/** `ip rule add fwmark MARK lookup TABLE` */
export function addMarkRule(family: Family, { mark, table }: { mark: number; table: number }): Message {
  const FR_ACT_TO_TBL = 1;
  const body = Buffer.concat([
    routeHeader(kernelFamily(family), { length: 0, table: 0, protocol: 0, scope: 0, type: FR_ACT_TO_TBL }),
    attribute(FRA_FWMARK, u32(mark)),
    attribute(FRA_TABLE, u32(table)),
  ]);
  return { what: `add the rule for mark ${mark}`, type: RTM_NEWRULE, flags: CREATE, body };
}

// nf_tables over its netlink subsystem: tables, chains, sets, rules made of expressions; a list of them is one transaction,
// which the kernel takes whole or not at all. Names and registers as `nft --debug=netlink` prints them. Pure but for `commit`.
// linux/netfilter/nf_tables.h, nft(8)

import { errnoOf, unavailable } from '../base/errors.ts';
import {
  attribute,
  be32,
  nested,
  NLM_F_APPEND,
  NLM_F_CREATE,
  text,
  Netlink,
  NETLINK_NETFILTER,
  type Message,
} from './netlink.ts';

const SUBSYSTEM = 10;
const BATCH_BEGIN = 16;
const BATCH_END = 17;
const MSG = { NEWTABLE: 0, DELTABLE: 2, NEWCHAIN: 3, NEWRULE: 6, NEWSET: 9, NEWSETELEM: 12, DELSETELEM: 14 } as const;

/** Families of tables. */
export const NFPROTO = { inet: 1, ip: 2, bridge: 7 } as const;
/** Hooks, in the families inet, ip and bridge. */
export const HOOK = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
const NF_DROP = 0;
const NF_ACCEPT = 1;

export interface Table {
  family: number;
  name: string;
}

/** struct nfgenmsg and attributes. */
function message(
  what: string,
  kind: number,
  options: { family: number; flags: number; attributes: Buffer[] },
): Message {
  const header = Buffer.from([options.family, 0, 0, 0]);
  const body = Buffer.concat([header, ...options.attributes]);
  // Without NLM_F_ACK: failures are told all the same, and the answers to a long list would not fit the socket's buffer.
  return { what, type: (SUBSYSTEM << 8) | kind, flags: options.flags, body };
}

function batch(type: number): Message {
  return { what: 'nf_tables batch', type, flags: 0, body: Buffer.from([0, 0, 0, SUBSYSTEM]) };
}

/** What the kernel answers where it lacks nf_tables, or a family, a type of chain, an expression that is a module of its own. */
const LACKS = ['EPROTONOSUPPORT', 'EOPNOTSUPP', 'EAFNOSUPPORT'];
/** The command that loads whatever punnet's rules are made of. */
export const LOAD_MODULES =
  'sudo modprobe -a nf_tables nf_tables_bridge nft_chain_nat nft_nat nft_masq nft_ct nft_socket nft_meta_bridge';

function explained(error: unknown): unknown {
  if (!LACKS.includes(errnoOf(error) ?? '')) return error;
  const what = error instanceof Error ? error.message : String(error);
  return unavailable(`networks of containers need nf_tables, which this kernel lacks or has not loaded: ${what}`, {
    cause: error,
    fix: LOAD_MODULES,
  });
}

/** A socket for the rules of a network namespace. @throws unavailable, with the mending command, where there are none */
export function openFilter(netns: number): Netlink {
  try {
    return new Netlink(netns, NETLINK_NETFILTER);
  } catch (error) {
    throw explained(error);
  }
}

/** Does it all, or nothing. @throws NetlinkError naming the part that the kernel refused; unavailable as `openFilter` */
export function commit(netlink: Netlink, parts: Message[]): void {
  try {
    netlink.send([batch(BATCH_BEGIN), ...parts, batch(BATCH_END)]);
  } catch (error) {
    throw explained(error);
  }
}

export function addTable({ family, name }: Table): Message {
  const attributes = [attribute(1, text(name))];
  return message(`add table ${name}`, MSG.NEWTABLE, { family, flags: NLM_F_CREATE, attributes });
}

/** Messages that make tables, after messages that delete what has their names. */
export function replaceTables(messages: Message[]): Message[] {
  const tables = messages.filter(({ type }) => (type & 0xff) === MSG.NEWTABLE);
  // Made first, because deleting what is not there fails the transaction.
  return [...tables.flatMap((made) => [made, { ...made, type: (SUBSYSTEM << 8) | MSG.DELTABLE }]), ...messages];
}

export interface Chain {
  name: string;
  type: 'filter' | 'nat';
  hook: keyof typeof HOOK;
  priority: number;
  policy?: 'accept' | 'drop';
}

export function addChain({ family, name: table }: Table, chain: Chain): Message {
  const attributes = [
    attribute(1, text(table)),
    attribute(3, text(chain.name)),
    nested(4, attribute(1, be32(HOOK[chain.hook])), attribute(2, be32(chain.priority))),
    attribute(5, be32(chain.policy === 'drop' ? NF_DROP : NF_ACCEPT)),
    attribute(7, text(chain.type)),
  ];
  return message(`add chain ${chain.name}`, MSG.NEWCHAIN, { family, flags: NLM_F_CREATE, attributes });
}

/** How nft(8) names and sizes the parts of a key; the kernel wants each part padded to four bytes. */
export const KEY = {
  ifname: { type: 41, size: 16 },
  ether_addr: { type: 9, size: 8 },
  ipv4_addr: { type: 7, size: 4 },
  ipv6_addr: { type: 8, size: 16 },
} as const;

export function addSet(
  { family, name: table }: Table,
  set: { name: string; id: number; key: (keyof typeof KEY)[] },
): Message {
  const attributes = [
    attribute(1, text(table)),
    attribute(2, text(set.name)),
    attribute(3, be32(0)),
    attribute(4, be32(set.key.reduce((type, part) => (type << 6) | KEY[part].type, 0))),
    attribute(5, be32(set.key.reduce((size, part) => size + KEY[part].size, 0))),
    attribute(10, be32(set.id)),
    // Only nft(8) reads it: names of interfaces are in the machine's byte order.
    ...(set.key.length === 1 && set.key[0] === 'ifname' ? [attribute(13, Buffer.from([0, 4, 1, 0, 0, 0]))] : []),
  ];
  return message(`add set ${set.name}`, MSG.NEWSET, { family, flags: NLM_F_CREATE, attributes });
}

export interface Element {
  table: Table;
  set: string;
  key: Uint8Array;
}

function element(what: string, kind: number, { table, set, key }: Element): Message {
  const attributes = [
    attribute(1, text(table.name)),
    attribute(2, text(set)),
    nested(3, nested(1, nested(1, attribute(1, key)))),
  ];
  return message(`${what} set ${set}`, kind, { family: table.family, flags: NLM_F_CREATE, attributes });
}

export const addElement = (added: Element): Message => element('add to', MSG.NEWSETELEM, added);
export const deleteElement = (deleted: Element): Message => element('delete from', MSG.DELSETELEM, deleted);

/** The name of an interface as a key has it. */
export function ifname(name: string): Buffer {
  const bytes = Buffer.alloc(KEY.ifname.size);
  bytes.write(name, 'latin1');
  return bytes;
}

export function addRule({ family, name: table }: Table, chain: string, expressions: Buffer[]): Message {
  const attributes = [
    attribute(1, text(table)),
    attribute(2, text(chain)),
    nested(4, ...expressions.map((expression) => expression)),
  ];
  return message(`add a rule to ${chain}`, MSG.NEWRULE, { family, flags: NLM_F_CREATE | NLM_F_APPEND, attributes });
}

/* Expressions. Register 1 has sixteen bytes, those from 8 on have four each: 8 … 11 are register 1 again. */

function expression(name: string, ...attributes: Buffer[]): Buffer {
  return nested(1, attribute(1, text(name)), nested(2, ...attributes));
}

const value = (bytes: Uint8Array) => attribute(1, bytes);

const META = { protocol: 1, mark: 3, iifname: 6, oifname: 7, l4proto: 16 } as const;
export const meta = (key: keyof typeof META, register = 1): Buffer =>
  expression('meta', attribute(1, be32(register)), attribute(2, be32(META[key])));
export const setMeta = (key: keyof typeof META, register = 1): Buffer =>
  expression('meta', attribute(3, be32(register)), attribute(2, be32(META[key])));

const BASE = { link: 0, network: 1, transport: 2 } as const;
export interface Field {
  base: keyof typeof BASE;
  offset: number;
  size: number;
}
export const payload = ({ base, offset, size }: Field, register = 1): Buffer =>
  expression(
    'payload',
    attribute(1, be32(register)),
    attribute(2, be32(BASE[base])),
    attribute(3, be32(offset)),
    attribute(4, be32(size)),
  );

const compare = (operator: number, bytes: Uint8Array, register: number): Buffer =>
  expression('cmp', attribute(1, be32(register)), attribute(2, be32(operator)), nested(3, value(bytes)));
/** Goes on where the register starts with these bytes. */
export const equal = (bytes: Uint8Array, register = 1): Buffer => compare(0, bytes, register);
export const notEqual = (bytes: Uint8Array, register = 1): Buffer => compare(1, bytes, register);

/** Goes on where the registers are, or with `inverted` are not, a key of the set. */
export const lookup = (set: string, { inverted = false }: { inverted?: boolean } = {}): Buffer =>
  expression('lookup', attribute(1, text(set)), attribute(2, be32(1)), attribute(5, be32(inverted ? 1 : 0)));

export const bitwiseAnd = (mask: Uint8Array): Buffer =>
  expression(
    'bitwise',
    attribute(1, be32(1)),
    attribute(2, be32(1)),
    attribute(3, be32(mask.length)),
    nested(4, value(mask)),
    nested(5, value(new Uint8Array(mask.length))),
  );

export const immediate = (bytes: Uint8Array, register = 1): Buffer =>
  expression('immediate', attribute(1, be32(register)), nested(2, value(bytes)));

const verdict = (code: number): Buffer =>
  expression('immediate', attribute(1, be32(0)), nested(2, nested(2, attribute(1, be32(code)))));
export const accept: Buffer = verdict(NF_ACCEPT);
export const drop: Buffer = verdict(NF_DROP);

/** 1 where a transparent socket of this namespace is on the other side of the packet. */
export const socketTransparent: Buffer = expression('socket', attribute(1, be32(0)), attribute(2, be32(1)));

/** Bits 0x2 established, 0x4 related, in the machine's byte order. */
export const ctState: Buffer = expression('ct', attribute(1, be32(1)), attribute(2, be32(0)));

export const masquerade: Buffer = expression('masq');

/** Destination address from register 1, port from register 2; family 2 is IPv4. */
export const dnat: Buffer = expression(
  'nat',
  attribute(1, be32(1)),
  attribute(2, be32(2)),
  attribute(3, be32(1)),
  attribute(5, be32(2)),
);

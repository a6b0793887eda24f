// Messages of the kernel's netlink sockets: encoded here, sent in one batch, and every answer read, without waiting, since
// both rtnetlink and nfnetlink answer before send(2) returns. Runs in the daemon's main thread. netlink(7), netlink(3)

import { closeSync } from 'node:fs';
import { constants as os } from 'node:os';
import { recv, sendmsg, socketIn } from '../native/addon.ts';

export const AF_NETLINK = 16;
const SOCK_RAW = 3;
const MSG_DONTWAIT = 0x40;

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

/* flags of a message; linux/netlink.h */
export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
export const NLM_F_DUMP = 0x300;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
const NLA_F_NESTED = 0x8000;
const HEADER = 16;

/** A request, and what it is called in an error: `create bridge br-0123`. */
export interface Message {
  what: string;
  type: number;
  flags: number;
  body: Uint8Array;
}

/** A message of the kernel, without its header. */
export interface Answer {
  type: number;
  body: Buffer;
}

/** The kernel refused one message of a batch. */
export class NetlinkError extends Error {
  /** `EEXIST` */
  readonly code: string;

  constructor(what: string, errno: number) {
    const code = Object.entries(os.errno).find(([, value]) => value === errno)?.[0] ?? `E${errno}`;
    super(`${what}: ${code}`);
    this.code = code;
  }
}

/** One attribute: length, type, payload, padding to four bytes. */
export function attribute(type: number, payload: Uint8Array): Buffer {
  const size = 4 + payload.length;
  const bytes = Buffer.alloc((size + 3) & ~3);
  bytes.writeUInt16LE(size, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(payload, 4);
  return bytes;
}

/** An attribute that holds attributes. */
export function nested(type: number, ...attributes: Uint8Array[]): Buffer {
  return attribute(type | NLA_F_NESTED, Buffer.concat(attributes));
}

export const u8 = (value: number): Buffer => Buffer.from([value]);
export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};
export const be32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return bytes;
};
export const text = (value: string): Buffer => Buffer.from(`${value}\0`);

/** One message with its header. */
export function encodeMessage({ type, flags, body }: Message, sequence: number): Buffer {
  const size = HEADER + body.length;
  const bytes = Buffer.alloc((size + 3) & ~3);
  bytes.writeUInt32LE(size, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags | NLM_F_REQUEST, 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.set(body, HEADER);
  return bytes;
}

/** The attributes of a message's body, from `offset` on: type → payload. The last of a type wins. */
export function attributesOf(body: Buffer, offset: number): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = offset; at + 4 <= body.length;) {
    const size = body.readUInt16LE(at);
    if (size < 4 || at + size > body.length) break;
    found.set(body.readUInt16LE(at + 2) & 0x3fff, body.subarray(at + 4, at + size));
    at += (size + 3) & ~3;
  }
  return found;
}

export function readText(payload: Buffer | undefined): string {
  return payload === undefined ? '' : payload.toString('latin1').replace(/\0.*$/s, '');
}

/** A netlink socket of one network namespace. */
export class Netlink {
  readonly #fd: number;
  #sequence = 1;

  /** @param netns descriptor of the namespace. @throws the errno of setns(2) or socket(2) */
  constructor(netns: number, protocol: number) {
    this.#fd = socketIn(netns, AF_NETLINK, SOCK_RAW, protocol);
  }

  /** Sends all messages at once. Returns what came back besides acknowledgements. @throws NetlinkError for the first that failed */
  send(messages: Message[]): Answer[] {
    // A batch of nothing is no message, which the kernel refuses with ENODATA.
    if (messages.length === 0) return [];
    const first = this.#sequence;
    this.#sequence += messages.length;
    sendmsg(this.#fd, Buffer.concat(messages.map((message, index) => encodeMessage(message, first + index))));
    const answers: Answer[] = [];
    let failure: NetlinkError | undefined;
    for (let chunk = this.#read(); chunk !== undefined; chunk = this.#read()) {
      for (const { type, sequence, body } of split(chunk)) {
        if (type === NLMSG_ERROR) {
          const errno = -body.readInt32LE(0);
          if (errno > 0) failure ??= new NetlinkError(messages[sequence - first]?.what ?? 'netlink', errno);
        } else if (type !== NLMSG_DONE) answers.push({ type, body });
      }
    }
    if (failure) throw failure;
    return answers;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #read(): Buffer | undefined {
    try {
      return recv(this.#fd, 1 << 16, MSG_DONTWAIT);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
      throw error;
    }
  }
}

function* split(chunk: Buffer): Generator<Answer & { sequence: number }> {
  for (let at = 0; at + HEADER <= chunk.length;) {
    const size = chunk.readUInt32LE(at);
    if (size < HEADER) return;
    const body = chunk.subarray(at + HEADER, at + size);
    yield { type: chunk.readUInt16LE(at + 4), sequence: chunk.readUInt32LE(at + 8), body };
    at += (size + 3) & ~3;
  }
}

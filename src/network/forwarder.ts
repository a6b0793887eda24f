// The daemon's end of `punnet-shim forward`, which carries published ports into the rootless namespace: starts it, finds it
// again, gives it sockets. Orders are answered at once, so they are given synchronously. Runs in the daemon, main thread.
// native/forward.h has the format. unix(7), cmsg(3)

import { closeSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import { bind, connect, listen, recv, sendmsg, setsockopt, socket, socketpair } from '../native/addon.ts';
import { spawnWith } from '../native/spawn.ts';
import { addressBytes, type Address, type Prefix } from './address.ts';
import { namespacePath } from './namespace.ts';
import { AF_UNIX, inetAddress, unixAddress } from './socket-address.ts';

const SOCK_SEQPACKET = 5;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
/** seconds until a forwarder that does not answer is an error */
const PATIENCE = 5;

export const PROTOCOL = { tcp: 6, udp: 17 } as const;
const KEY = 64;
const ORDER = { add: 1, remove: 2, list: 3, quit: 4, watch: 5 } as const;
const MAX_LIST = 1024 * KEY;

export interface Forward {
  /** 64 characters: who publishes the port */
  key: string;
  protocol: keyof typeof PROTOCOL;
  target: { address: Address; port: number };
  /** the target's own: clients in it do not keep their address */
  subnet: Prefix;
}

export class Forwarder {
  readonly #fd: number;
  /** when the process ends */
  readonly gone: Promise<void>;

  private constructor(fd: number) {
    this.#fd = fd;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(new BigInt64Array([BigInt(PATIENCE), 0n]).buffer));
    this.gone = this.#watch();
  }

  /** Whoever started it, it holds the other end of a socket that closes with it. */
  #watch(): Promise<void> {
    const [ours, theirs] = socketpair();
    const watching = new Socket({ fd: ours, readable: true, writable: false });
    watching.unref();
    try {
      this.#order(encodeOrder(ORDER.watch, { key: '' }), [theirs]);
    } finally {
      closeSync(theirs);
    }
    return new Promise((resolve) => watching.once('close', () => resolve()).resume());
  }

  /** The one that an earlier daemon started, if it lives. `directory`: the room's, below the runtime directory. */
  static find(directory: string): Forwarder | undefined {
    const fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    try {
      connect(fd, unixAddress(socketPath(directory)));
      return new Forwarder(fd);
    } catch (error) {
      closeSync(fd);
      if (['ENOENT', 'ECONNREFUSED', 'EPIPE', 'ECONNRESET'].includes(errnoOf(error) ?? '')) return undefined;
      throw error;
    }
  }

  /** @param program path of punnet-shim */
  static async start(directory: string, program: string): Promise<Forwarder> {
    const path = socketPath(directory);
    rmSync(path, { force: true });
    const listening = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    const nothing = openSync('/dev/null', 'r+');
    try {
      bind(listening, unixAddress(path));
      listen(listening, 8);
      const args = ['forward', namespacePath(directory)];
      await spawnWith(program, args, [nothing, nothing, nothing, listening]);
      const fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
      connect(fd, unixAddress(path));
      return new Forwarder(fd);
    } finally {
      closeSync(listening);
      closeSync(nothing);
    }
  }

  /** Hands over a bound, and for TCP listening, socket; the caller closes its own descriptor. @throws Error with the errno */
  add(forward: Forward, fd: number): void {
    this.#order(encodeOrder(ORDER.add, forward), [fd]);
  }

  /** Closes all ports of `key`, and the connections through them. */
  remove(key: string): void {
    this.#order(encodeOrder(ORDER.remove, { key }), []);
  }

  /** The keys that have ports. */
  keys(): Set<string> {
    sendmsg(this.#fd, encodeOrder(ORDER.list, { key: '' }));
    const text = recv(this.#fd, MAX_LIST, 0).toString('latin1');
    return new Set(text.match(new RegExp(`.{${KEY}}`, 'gs')) ?? []);
  }

  /** Whether the process still lives. */
  answers(): boolean {
    try {
      this.keys();
      return true;
    } catch (error) {
      if (['EPIPE', 'ECONNRESET', 'ENOTCONN'].includes(errnoOf(error) ?? '')) return false;
      throw error;
    }
  }

  /** Ends the process. */
  quit(): void {
    sendmsg(this.#fd, encodeOrder(ORDER.quit, { key: '' }));
    closeSync(this.#fd);
  }

  #order(order: Buffer, fds: number[]): void {
    sendmsg(this.#fd, order, fds);
    const answer = recv(this.#fd, 4, 0);
    const errno = answer.length === 4 ? answer.readInt32LE(0) : -1;
    if (errno !== 0) throw new Error(`the forwarder of published ports answered ${errno}`);
  }
}

const socketPath = (directory: string) => join(directory, 'forward.sock');

/** struct order */
export function encodeOrder(kind: number, forward: Partial<Forward> & { key: string }): Buffer {
  const bytes = Buffer.alloc(4 + 4 + KEY + 28 + 16 + 4);
  bytes.writeUInt32LE(kind, 0);
  bytes.writeUInt32LE(forward.protocol === undefined ? 0 : PROTOCOL[forward.protocol], 4);
  bytes.write(forward.key, 8, KEY, 'latin1');
  const target = 8 + KEY;
  if (forward.target) bytes.set(inetAddress(forward.target.address, forward.target.port), target);
  if (forward.subnet) {
    bytes.set(addressBytes(forward.subnet), target + 28);
    bytes.writeUInt32LE(forward.subnet.length, target + 44);
  }
  return bytes;
}

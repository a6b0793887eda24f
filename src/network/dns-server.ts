// The name server at 127.0.0.11 of a container: sockets in the container's network namespace, answered by the daemon. They
// have ports of their own, and a rule there leads port 53 to them, so that a container may serve port 53 itself.
// Runs in the daemon. RFC 1035, RFC 7766; moby: libnetwork/resolver_unix.go

import { createSocket, type Socket } from 'node:dgram';
import { connect, createServer, type Server, type Socket as Connection } from 'node:net';
import { bind, getsockname, listen, socketIn } from '../native/addon.ts';
import { parseAddress } from './address.ts';
import { answer, failure, type Zone } from './dns-answer.ts';
import * as nft from './nftables.ts';
import { AF_INET, inetAddress, readInetAddress } from './socket-address.ts';

export const ADDRESS = '127.0.0.11';
const DNS = 53;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const PROTOCOL = { udp: 17, tcp: 6 } as const;
/** milliseconds until the next of the host's servers is asked */
const PATIENCE = 3000;
/** queries of one container that other servers are asked at the same time */
const MAX_FORWARDED = 256;

export interface DnsOptions {
  zone: Zone;
  /** addresses of the servers that know the rest, in the host's network namespace; read for every query */
  upstream: () => string[];
  onError: (error: unknown) => void;
}

/** One container's. */
export class DnsServer {
  readonly #options: DnsOptions;
  readonly #udp: Socket;
  readonly #tcp: Server;
  readonly #connections = new Set<Connection>();
  #forwarded = 0;
  #closed = false;

  /** @param netns descriptor of the container's network namespace. @throws NetlinkError, or the errno of bind(2) */
  constructor(netns: number, options: DnsOptions) {
    this.#options = options;
    const address = inetAddress(parseAddress(ADDRESS)!, 0);
    const udp = socketIn(netns, AF_INET, SOCK_DGRAM, 0);
    bind(udp, address);
    const tcp = socketIn(netns, AF_INET, SOCK_STREAM, 0);
    bind(tcp, address);
    listen(tcp, 16);
    redirect(netns, { udp: readInetAddress(getsockname(udp)).port, tcp: readInetAddress(getsockname(tcp)).port });
    this.#udp = createSocket('udp4');
    this.#udp.on('error', options.onError);
    this.#udp.on('message', (query, { address: to, port }) => {
      void this.#resolve(query, askUdp).then((response) => {
        // The container may have ended while another server was asked.
        if (response.length > 0 && !this.#closed) this.#udp.send(response, port, to, () => {});
      });
    });
    this.#udp.bind({ fd: udp });
    this.#tcp = createServer((connection) => this.#serve(connection));
    this.#tcp.on('error', options.onError);
    this.#tcp.listen({ fd: tcp });
  }

  close(): void {
    this.#closed = true;
    this.#udp.close();
    this.#tcp.close();
    for (const connection of this.#connections) connection.destroy();
  }

  async #resolve(query: Buffer, ask: typeof askUdp): Promise<Buffer> {
    try {
      const own = answer(query, this.#options.zone);
      if (own) return own;
    } catch {
      // Not DNS, or cut off: what else it is does not matter.
      return failure(query, 'formatError');
    }
    if (this.#forwarded >= MAX_FORWARDED) return failure(query, 'serverFailure');
    this.#forwarded++;
    try {
      for (const server of this.#options.upstream()) {
        const response = await ask(server, query).catch(() => undefined);
        if (response) return response;
      }
      return failure(query, 'serverFailure');
    } finally {
      this.#forwarded--;
    }
  }

  /** Messages with their length before them. */
  #serve(connection: Connection): void {
    this.#connections.add(connection);
    connection.setTimeout(10_000, () => connection.destroy());
    connection.on('error', () => connection.destroy());
    connection.on('close', () => this.#connections.delete(connection));
    let received = Buffer.alloc(0);
    connection.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const query = Buffer.from(received.subarray(2, 2 + received.readUInt16BE(0)));
        received = received.subarray(2 + query.length);
        void this.#resolve(query, askTcp).then((response) => {
          if (!connection.destroyed) connection.write(framed(response));
        });
      }
    });
  }
}

function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** Leads port 53 of 127.0.0.11 to the server's own ports; replaces what an earlier daemon had led there. */
function redirect(netns: number, ports: { udp: number; tcp: number }): void {
  const table: nft.Table = { family: nft.NFPROTO.ip, name: 'punnet_dns' };
  const address = Buffer.from(ADDRESS.split('.').map(Number));
  const port = (number: number) => Buffer.from([number >> 8, number & 0xff]);
  const messages = [
    nft.addTable(table),
    nft.addChain(table, { name: 'output', type: 'nat', hook: 'output', priority: -100 }),
    ...(['udp', 'tcp'] as const).map((protocol) =>
      nft.addRule(table, 'output', [
        nft.payload({ base: 'network', offset: 16, size: 4 }),
        nft.equal(address),
        nft.meta('l4proto'),
        nft.equal(Buffer.from([PROTOCOL[protocol]])),
        nft.payload({ base: 'transport', offset: 2, size: 2 }),
        nft.equal(port(DNS)),
        nft.immediate(address),
        nft.immediate(port(ports[protocol]), 2),
        nft.dnat,
      ]),
    ),
  ];
  const netlink = nft.openFilter(netns);
  try {
    nft.commit(netlink, nft.replaceTables(messages));
  } finally {
    netlink.close();
  }
}

/** A socket of its own for each query: its random port is what a forged answer would have to guess. */
function askUdp(server: string, query: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(server.includes(':') ? 'udp6' : 'udp4');
    let ended = false;
    const timer = setTimeout(() => end(new Error(`${server}: no answer`)), PATIENCE);
    const end = (error?: Error, response?: Buffer) => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      socket.close();
      if (response) resolve(response);
      else reject(error!);
    };
    socket.on('error', end);
    // connect tells its own failure through the callback, and not as an event.
    socket.connect(DNS, server, (error?: Error) =>
      error ? end(error) : socket.send(query, (failed) => failed && end(failed)),
    );
    socket.on('message', (response) => {
      if (response.length >= 12 && response.readUInt16BE(0) === query.readUInt16BE(0)) end(undefined, response);
    });
  });
}

function askTcp(server: string, query: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const connection = connect(DNS, server, () => connection.write(framed(query)));
    connection.setTimeout(PATIENCE, () => connection.destroy(new Error(`${server}: no answer`)));
    connection.once('error', reject);
    connection.once('close', () => reject(new Error(`${server}: closed`)));
    let received = Buffer.alloc(0);
    connection.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      resolve(Buffer.from(received.subarray(2, 2 + received.readUInt16BE(0))));
      connection.destroy();
    });
  });
}

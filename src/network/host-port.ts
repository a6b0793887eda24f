// Sockets of published ports, in the host's network namespace, which is the daemon's, or in the rootless one.
// Runs in the daemon. bind(2), ipv6(7)

import { closeSync } from 'node:fs';
import { bind, getsockname, listen, setsockopt, socket, socketIn } from '../native/addon.ts';
import type { Address } from './address.ts';
import type { PROTOCOL } from './forwarder.ts';
import { AF_INET, AF_INET6, inetAddress, readInetAddress } from './socket-address.ts';

const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const BACKLOG = 4096;
const ON = new Uint8Array(new Int32Array([1]).buffer);

export interface HostPort {
  address: Address;
  /** 0: any that is free */
  port: number;
  protocol: keyof typeof PROTOCOL;
  /** descriptor of the network namespace; absent: the host's */
  netns?: number;
}

/** A bound socket, listening where it is TCP's, and its port. The caller closes it. @throws the errno of bind(2) */
export function openHostPort({ address, port, protocol, netns }: HostPort): { fd: number; port: number } {
  const six = address.family === 6;
  const [family, type] = [six ? AF_INET6 : AF_INET, protocol === 'tcp' ? SOCK_STREAM : SOCK_DGRAM];
  const fd = netns === undefined ? socket(family, type, 0) : socketIn(netns, family, type, 0);
  try {
    // Connections of an earlier container that are winding up do not hold the port; two UDP sockets would share it.
    if (protocol === 'tcp') setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, ON);
    if (six) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, ON);
    bind(fd, inetAddress(address, port));
    if (protocol === 'tcp') listen(fd, BACKLOG);
    return { fd, port: readInetAddress(getsockname(fd)).port };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

// struct sockaddr as bytes, in the machine's (little-endian) layout. Pure. ip(7), ipv6(7), unix(7)

import { addressBytes, addressOfBytes, type Address } from './address.ts';

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** struct sockaddr_in or sockaddr_in6 */
export function inetAddress(address: Address, port: number): Buffer {
  const bytes = Buffer.alloc(address.family === 4 ? 16 : 28);
  bytes.writeUInt16LE(address.family === 4 ? AF_INET : AF_INET6, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(addressBytes(address), address.family === 4 ? 4 : 8);
  return bytes;
}

/** The address and port of a struct sockaddr_in or sockaddr_in6. */
export function readInetAddress(bytes: Buffer): { address: Address; port: number } {
  const four = bytes.readUInt16LE(0) === AF_INET;
  return {
    address: addressOfBytes(four ? bytes.subarray(4, 8) : bytes.subarray(8, 24)),
    port: bytes.readUInt16BE(2),
  };
}

/** struct sockaddr_un */
export function unixAddress(path: string): Buffer {
  return Buffer.concat([Buffer.from([AF_UNIX, 0]), Buffer.from(`${path}\0`)]);
}

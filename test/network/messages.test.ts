// Messages to the kernel, byte for byte: as `ip` and `nft` send them. Needs no privileges.

import { expect, test } from 'vitest';
import { parseAddress, parsePrefix } from '../../src/network/address.ts';
import { allowPort } from '../../src/network/firewall.ts';
import { encodeOrder } from '../../src/network/forwarder.ts';
import { attribute, attributesOf, encodeMessage, nested, text, u32 } from '../../src/network/netlink.ts';
import * as nft from '../../src/network/nftables.ts';
import * as rt from '../../src/network/rtnetlink.ts';
import { inetAddress, readInetAddress } from '../../src/network/socket-address.ts';

const hex = (message: Parameters<typeof encodeMessage>[0]) => encodeMessage(message, 1).toString('hex');

test('an attribute is padded to four bytes, which its length does not count', () => {
  expect(attribute(3, text('eth0')).toString('hex')).toBe('09000300' + '6574683000' + '000000');
  expect(nested(18, attribute(1, u32(7))).toString('hex')).toBe('0c001280' + '08000100' + '07000000');
});

test('a bridge: RTM_NEWLINK with create and exclusive, name and kind', () => {
  expect(hex(rt.addBridge({ name: 'br0', mtu: 1500 }))).toBe(
    '4000000010000506' +
      '0100000000000000' + // length 64, type 16, flags; sequence 1
      '00000000000000000000000000000000' + // struct ifinfomsg
      '0800030062723000' +
      '08000400dc050000' + // IFLA_IFNAME, IFLA_MTU
      '10001280' +
      '0b000100' +
      '6272696467650000', // IFLA_LINKINFO { IFLA_INFO_KIND "bridge" }
  );
});

test('an address: local, peer and broadcast', () => {
  const { body } = rt.addAddress(2, { address: parseAddress('172.17.0.2')!, length: 16 });
  const attributes = attributesOf(Buffer.from(body), 8);
  expect([...body.subarray(0, 8)]).toEqual([2, 16, 0, 0, 2, 0, 0, 0]);
  expect(attributes.get(2)).toEqual(Buffer.from([172, 17, 0, 2]));
  expect(attributes.get(4)).toEqual(Buffer.from([172, 17, 255, 255]));
});

test('the default route and the way back to transparent sockets', () => {
  expect(hex(rt.addDefaultRoute(parseAddress('172.17.0.1')!))).toContain(
    '02000000fe030001' + '00000000' + '08000500ac110001',
  );
  const local = rt.addLocalRoute(parsePrefix('0.0.0.0/0')!, { table: 100, loopback: 1 });
  expect([...local.body.subarray(0, 8)]).toEqual([2, 0, 0, 0, 0, 3, 254, 2]);
  expect(attributesOf(Buffer.from(local.body), 12).get(15)).toEqual(u32(100));
});

test('an element of a set names device and address, each padded', () => {
  const [mac, ip] = allowPort({ name: 'veth1', mac: '02:42:ac:11:00:02', addresses: [parseAddress('172.17.0.2')!] });
  expect(Buffer.from(mac!.body).toString('hex')).toContain('7665746831'.padEnd(32, '0') + '0242ac1100020000');
  expect(Buffer.from(ip!.body).toString('hex')).toContain('7665746831'.padEnd(32, '0') + 'ac110002');
});

test('tables are made anew in the transaction that fills them', () => {
  const table: nft.Table = { family: nft.NFPROTO.ip, name: 't' };
  const types = nft.replaceTables([nft.addTable(table)]).map(({ type }) => type & 0xff);
  expect(types).toEqual([0, 2, 0]);
});

test('struct sockaddr: family, port in network order, address', () => {
  expect(inetAddress(parseAddress('127.0.0.1')!, 8080).toString('hex')).toBe('02001f907f0000010000000000000000');
  const six = inetAddress(parseAddress('fd00::1')!, 53);
  expect(six).toHaveLength(28);
  expect(readInetAddress(six)).toEqual({ address: parseAddress('fd00::1'), port: 53 });
});

test('an order to the forwarder has the size of its struct', () => {
  const order = encodeOrder(1, {
    key: 'k'.repeat(64),
    protocol: 'udp',
    target: { address: parseAddress('172.17.0.2')!, port: 53 },
    subnet: parsePrefix('172.17.0.0/16')!,
  });
  expect(order).toHaveLength(120);
  expect(order.readUInt32LE(4)).toBe(17);
  expect(order.readUInt32LE(116)).toBe(16);
});

// A name server of a test's own, over UDP and TCP: `node name-server.mjs ADDRESS ZONE`, with the zone as JSON of
// {name: {A: […], AAAA: […], PTR: […]}}. What it does not have does not exist. Runs on a host of the test's. RFC 1035

import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { decode, encode, streamDecode, streamEncode } from 'dns-packet';

const [address, text] = process.argv.slice(2);
const zone = JSON.parse(text);
const RCODE_NXDOMAIN = 3;
const FLAGS = 0x8580; // an authoritative answer, with recursion desired and available

function reply({ id, questions }) {
  const [{ name, type }] = questions;
  const known = zone[name.toLowerCase()];
  const answers = (known?.[type] ?? []).map((data) => ({ name, type, ttl: 60, data }));
  return { type: 'response', id, flags: FLAGS | (known ? 0 : RCODE_NXDOMAIN), questions, answers };
}

const udp = createSocket('udp4');
udp.on('message', (query, { port, address: to }) => udp.send(encode(reply(decode(query))), port, to));
udp.bind(53, address);
createServer((connection) => {
  connection.on('error', () => {});
  connection.once('data', (query) => connection.end(streamEncode(reply(streamDecode(query)))));
}).listen(53, address);

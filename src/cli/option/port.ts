// -p and --expose: `[ip:][host[-host]:]container[-container][/proto]`, and the long form `published=…,target=…`.
// Rules and texts of docker/go-connections/nat. Pure; runs in the CLI.

import { isIP } from 'node:net';
import { readUint } from '../flag.ts';

export type PortBindings = Record<string, { HostIp: string; HostPort: string }[]>;

export interface Ports {
  exposed: Record<string, object>;
  bindings: PortBindings;
}

/** @throws Error with Docker's text */
export function readPorts(published: string[], exposed: string[]): Ports {
  const ports: Ports = { exposed: {}, bindings: {} };
  for (const text of published) publish(ports, shortForm(text));
  for (const text of exposed) expose(ports, text);
  return ports;
}

function shortForm(text: string): string {
  if (!text.includes('=')) return text;
  const fields: Record<string, string> = { protocol: 'tcp' };
  for (const field of text.split(',')) {
    const equals = field.indexOf('=');
    if (equals <= 0) throw new Error(`invalid publish opts format (should be name=value but got '${field}')`);
    fields[field.slice(0, equals)] = field.slice(equals + 1);
  }
  return `${fields.published ?? ''}:${fields.target ?? ''}/${fields.protocol}`;
}

function splitProtocol(text: string): { port: string; protocol: string } {
  const [port = '', protocol = ''] = text.split('/');
  if (port === '') return { port: '', protocol: '' };
  return { port, protocol: protocol === '' ? 'tcp' : protocol };
}

function range(text: string): [number, number] {
  if (text === '') throw new Error('empty string specified for ports');
  const [first = '', last] = text.split('-');
  const start = readUint(first, 16);
  const end = last === undefined ? start : readUint(last, 16);
  if (end < start) throw new Error(`invalid range specified for port: ${text}`);
  return [start, end];
}

function rangeOr(text: string, failure: string): [number, number] {
  try {
    return range(text);
  } catch {
    throw new Error(failure);
  }
}

function publish(ports: Ports, text: string): void {
  const parts = text.split(':');
  const { port, protocol } = splitProtocol(parts.pop()!);
  const host = parts.pop() ?? '';
  const address = parts.join(':').replace(/^\[(.*)\]$/, '$1');
  if (address !== '' && isIP(address) === 0) throw new Error(`invalid IP address: ${address}`);
  if (port === '') throw new Error(`no port specified: ${text}<empty>`);
  const [start, end] = rangeOr(port, `invalid containerPort: ${port}`);
  const [hostStart, hostEnd] = host === '' ? [0, 0] : rangeOr(host, `invalid hostPort: ${host}`);
  if (host !== '' && end - start !== hostEnd - hostStart && end !== start) {
    throw new Error(`invalid ranges specified for container and host Ports: ${port} and ${host}`);
  }
  if (!['tcp', 'udp', 'sctp'].includes(protocol.toLowerCase())) throw new Error(`invalid proto: ${protocol}`);
  for (let offset = 0; offset <= end - start; offset++) {
    const key = `${start + offset}/${protocol.toLowerCase()}`;
    let hostPort = host === '' ? '' : String(hostStart + offset);
    if (start === end && hostStart !== hostEnd) hostPort += `-${hostEnd}`;
    ports.exposed[key] = {};
    (ports.bindings[key] ??= []).push({ HostIp: address, HostPort: hostPort });
  }
}

function expose(ports: Ports, text: string): void {
  if (text.includes(':')) throw new Error(`invalid port format for --expose: ${text}`);
  const { port, protocol } = splitProtocol(text);
  let limits: [number, number];
  try {
    limits = range(port);
  } catch (error) {
    throw new Error(`invalid range format for --expose: ${text}, error: ${(error as Error).message}`);
  }
  for (let at = limits[0]; at <= limits[1]; at++) ports.exposed[`${at}/${protocol}`] = {};
}

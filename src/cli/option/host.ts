// Names and addresses: --add-host, --dns, --dns-search, --mac-address, --network. Rules and texts of docker/cli (opts).
// Pure; runs in the CLI.

import { isIP } from 'node:net';
import { quote } from '../format/text.ts';
import { readInt } from '../flag.ts';
import { readCsv } from '../../base/csv.ts';
import { cut } from './key-value.ts';

/** An address, without surrounding blanks. */
export function readAddress(text: string): string {
  const address = text.trim();
  if (isIP(address) === 0) throw new Error(`IP address is not correctly formatted: ${text}`);
  return address;
}

/** `name:ip` or `name=ip`, the address maybe in brackets, or `host-gateway`; the API takes the first form. */
export function readExtraHost(text: string): string {
  const { key, value } = cut(text, text.includes('=') ? '=' : ':');
  if (value === undefined || key === '' || key.includes(':'))
    throw new Error(`bad format for add-host: ${quote(text)}`);
  if (value === 'host-gateway') return `${key}:${value}`;
  const address = value.length > 2 ? value.replace(/^\[(.*)\]$/, '$1') : value;
  if (isIP(address.trim()) === 0) throw new Error(`invalid IP address in add-host: ${quote(address)}`);
  return `${key}:${address}`;
}

const DOMAIN = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*\.?\s*$/;

/** A search domain; `.` is none. */
export function readSearchDomain(text: string): string {
  const domain = text.trim();
  if (domain === '.') return domain;
  if (!/[a-zA-Z]/.test(domain) || !DOMAIN.test(domain) || domain.length >= 255) {
    throw new Error(`${domain} is not a valid domain`);
  }
  return domain.replace(/\.$/, '');
}

const MAC = /^([0-9a-f]{2}([:-])([0-9a-f]{2}\2){4}[0-9a-f]{2}|([0-9a-f]{4}\.){2}[0-9a-f]{4})$/i;

export function checkMac(text: string): void {
  if (!MAC.test(text.trim())) throw new Error(`${text} is not a valid mac address`);
}

export interface NetworkOption {
  name: string;
  aliases?: string[];
  ip?: string;
  ip6?: string;
  mac?: string;
  linkLocal?: string[];
  /** of --link, in a user-defined network */
  links?: string[];
  driverOptions?: Record<string, string>;
  priority?: number;
}

/** `none`, `host`, a name, or `name=x,alias=a,ip=…`. */
export function readNetwork(text: string): NetworkOption {
  if (!/\w+=\w+(,\w+=\w+)*/.test(text)) return { name: text };
  const network: NetworkOption = { name: '' };
  for (const field of readCsv(text)) {
    const { key, value } = cut(field.toLowerCase());
    if (value === undefined || key === '') throw new Error(`invalid field ${field}`);
    assign(network, key.trim(), value.trim());
  }
  if (network.name === '') throw new Error('network name/id is not specified');
  return network;
}

function assign(network: NetworkOption, key: string, value: string): void {
  if (key === 'name') network.name = value;
  else if (key === 'alias') (network.aliases ??= []).push(value);
  else if (key === 'ip') network.ip = value;
  else if (key === 'ip6') network.ip6 = value;
  else if (key === 'mac-address') network.mac = value;
  else if (key === 'link-local-ip') (network.linkLocal ??= []).push(value);
  else if (key === 'gw-priority') network.priority = priority(value);
  else if (key === 'driver-opt') {
    const option = cut(value);
    if (option.value === undefined || option.key === '') {
      throw new Error('invalid key value pair format in driver options');
    }
    (network.driverOptions ??= {})[option.key.trim()] = option.value.trim();
  } else throw new Error(`invalid field key ${key}`);
}

function priority(value: string): number {
  try {
    return readInt(value);
  } catch {
    throw new Error(`invalid gw-priority (${value}): invalid syntax`);
  }
}

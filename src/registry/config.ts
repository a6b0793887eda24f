// What the user configures of registries: <config>/registries.json, with the keys of Docker's daemon.json, so that they can
// be copied. Read at every pull by the daemon; no restart is needed.
//   { "registry-mirrors": ["http://127.0.0.1:5000"], "insecure-registries": ["registry.lan:5000", "10.0.0.0/8"] }
// PUNNET_REGISTRY_MIRRORS and PUNNET_INSECURE_REGISTRIES (comma separated) add to them.

import { BlockList, isIP } from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, internal, invalidArgument, messageOf } from '../base/errors.ts';

export interface RegistryConfig {
  /** base URLs asked for docker.io images before Docker Hub, in order */
  mirrors: string[];
  /** `host`, `host:port` or CIDR: TLS is not verified there, and plain HTTP is allowed */
  insecure: string[];
  /** directory with `<host:port>/*.crt`: CAs trusted for that registry alone */
  certificates?: string;
}

const KEYS = ['registry-mirrors', 'insecure-registries'];

/**
 * Reads registries.json below `directory`; absent: nothing is configured.
 * @throws invalidArgument naming the file and the key; internal when it cannot be read
 */
export function readRegistryConfig(
  directory: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): RegistryConfig {
  const file = directory === undefined ? {} : readFile(join(directory, 'registries.json'));
  return {
    mirrors: [...(file['registry-mirrors'] ?? []), ...commaList(env.PUNNET_REGISTRY_MIRRORS)].map(checkedMirror),
    insecure: [...(file['insecure-registries'] ?? []), ...commaList(env.PUNNET_INSECURE_REGISTRIES)],
    ...(directory !== undefined && { certificates: join(directory, 'certs.d') }),
  };
}

/** Whether `host` (`name:port`) may be spoken to over plain HTTP, or with a certificate that nobody vouches for. */
export function isInsecure(host: string, config: RegistryConfig): boolean {
  const name = hostName(host);
  if (name === 'localhost' || isLoopback(name)) return true;
  return config.insecure.some((entry) => {
    if (entry.includes('/')) return inRange(name, entry);
    return entry === host || entry === name;
  });
}

/** `[::1]:5000` → `::1` */
export function hostName(host: string): string {
  return host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

function isLoopback(name: string): boolean {
  return (isIP(name) === 4 && name.startsWith('127.')) || name === '::1';
}

function inRange(name: string, range: string): boolean {
  const [network, prefix] = range.split('/') as [string, string];
  const family = isIP(network);
  if (family === 0 || isIP(name) !== family) return false;
  const list = new BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  try {
    list.addSubnet(network, Number(prefix), type);
  } catch (error) {
    throw invalidArgument(`insecure-registries: invalid range ${JSON.stringify(range)}`, { cause: error });
  }
  return list.check(name, type);
}

function readFile(path: string): Record<string, string[]> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return {};
    throw internal(`read ${path}: ${messageOf(error)}`, { cause: error });
  }
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw invalidArgument(`${path}: ${messageOf(error)}`, { cause: error, fix: `repair or remove ${path}` });
  }
  for (const [key, list] of Object.entries(value ?? {})) {
    if (!KEYS.includes(key))
      throw invalidArgument(`${path}: unknown key ${JSON.stringify(key)}: use ${KEYS.join(', ')}`);
    if (!Array.isArray(list) || list.some((item) => typeof item !== 'string'))
      throw invalidArgument(`${path}: ${key} must be a list of strings`);
  }
  return (value ?? {}) as Record<string, string[]>;
}

function checkedMirror(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch (error) {
    throw invalidArgument(`invalid mirror: ${JSON.stringify(text)} is not a URL`, { cause: error });
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw invalidArgument(
      `invalid mirror: unsupported scheme ${JSON.stringify(url.protocol.slice(0, -1))} in ${url.host}`,
    );
  if (url.username || url.password || url.search || url.hash)
    throw invalidArgument(`invalid mirror: no user, query or fragment allowed in the URL of ${url.host}`);
  return url.href.replace(/\/+$/, '');
}

const commaList = (text: string | undefined) =>
  (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);

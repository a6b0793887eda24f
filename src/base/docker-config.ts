// Registry credentials as `docker login` keeps them: ~/.docker/config.json, or $DOCKER_CONFIG/config.json. Runs in the CLI,
// as the user; the daemon never reads this file. Credential helpers are programs, so the caller runs them (`ask`).
// github.com/docker/docker-credential-helpers: `docker-credential-X get`, server address on stdin, JSON on stdout.

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { errnoOf, internal, invalidArgument, messageOf } from './errors.ts';

/** What X-Registry-Auth carries. */
export interface Credentials {
  username?: string;
  password?: string;
  identitytoken?: string;
  registrytoken?: string;
  serveraddress?: string;
}

export interface DockerConfig {
  auths?: Record<
    string,
    { auth?: string; username?: string; password?: string; identitytoken?: string; registrytoken?: string }
  >;
  credHelpers?: Record<string, string>;
  credsStore?: string;
  HttpHeaders?: Record<string, string>;
  detachKeys?: string;
  psFormat?: string;
  statsFormat?: string;
  imagesFormat?: string;
}

/** Runs `program get` with `serverAddress` on its stdin; resolves to its exit code and stdout. */
export type AskHelper = (program: string, serverAddress: string) => Promise<{ code: number; stdout: string }>;

/** The name under which docker login files Docker Hub. */
export const HUB = 'https://index.docker.io/v1/';

export function dockerConfigPath(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.DOCKER_CONFIG ?? join(env.HOME ?? homedir(), '.docker'), 'config.json');
}

/**
 * Reads the file; an absent one is empty.
 * @throws invalidArgument when it is not JSON, internal when it cannot be read
 */
export function readDockerConfig(path: string = dockerConfigPath()): DockerConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return {};
    throw internal(`read ${path}: ${messageOf(error)}`, { cause: error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may be a secret.
    throw invalidArgument(`loading config file: ${path}: not JSON`, { fix: `repair or remove ${path}` });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidArgument(`loading config file: ${path}: not a JSON object`, { fix: `repair or remove ${path}` });
  return value as DockerConfig;
}

/**
 * The credentials for a registry, as a reference names it (`docker.io`, `ghcr.io`, `127.0.0.1:5000`); undefined: none.
 * @throws invalidArgument for a broken entry; internal when a credential helper fails. Neither tells a secret.
 */
export async function authFor(
  domain: string,
  options: { config: DockerConfig; ask: AskHelper },
): Promise<Credentials | undefined> {
  const { config, ask } = options;
  const keys = domain === 'docker.io' ? [HUB, 'docker.io', 'index.docker.io'] : [domain];
  const key = keys[0]!;
  const helper = helperFor(config, keys);
  if (helper !== undefined) return askHelper(helper, key, ask);
  for (const [name, entry] of Object.entries(config.auths ?? {}))
    if (keys.includes(name) || keys.includes(hostOf(name))) {
      const found = decode(name, entry);
      if (found) return { ...found, serveraddress: key };
    }
  return undefined;
}

/** The program that keeps the credentials of a registry, filed under one of `keys`; undefined: the file does. @throws invalidArgument */
export function helperFor(config: DockerConfig, keys: string[]): string | undefined {
  const own = keys.map((name) => config.credHelpers?.[name]).find((name) => name !== undefined);
  const helper = own ?? config.credsStore;
  if (!helper) return undefined;
  if (!/^[A-Za-z0-9._-]+$/.test(helper))
    throw invalidArgument(`invalid credential helper name ${JSON.stringify(helper)}`);
  return `docker-credential-${helper}`;
}

async function askHelper(program: string, server: string, ask: AskHelper): Promise<Credentials | undefined> {
  let answer: { code: number; stdout: string };
  try {
    answer = await ask(program, server);
  } catch (error) {
    throw internal(`error getting credentials: ${program}: ${messageOf(error)}`, {
      cause: error,
      fix: `install ${program}, or remove it from ${dockerConfigPath()}`,
    });
  }
  if (answer.code !== 0) {
    if (answer.stdout.includes('credentials not found')) return undefined;
    throw internal(`error getting credentials: ${program}: exit ${answer.code}`, {
      fix: `echo ${server} | ${program} get`,
    });
  }
  let secret: { Username?: unknown; Secret?: unknown };
  try {
    secret = JSON.parse(answer.stdout) as typeof secret;
  } catch {
    throw internal(`error getting credentials: ${program}: its answer is not JSON`);
  }
  if (typeof secret?.Username !== 'string' || typeof secret.Secret !== 'string') return undefined;
  return secret.Username === '<token>'
    ? { identitytoken: secret.Secret, serveraddress: server }
    : { username: secret.Username, password: secret.Secret, serveraddress: server };
}

function decode(name: string, entry: NonNullable<DockerConfig['auths']>[string]): Credentials | undefined {
  const { identitytoken, registrytoken } = entry;
  const tokens = { ...(identitytoken && { identitytoken }), ...(registrytoken && { registrytoken }) };
  if (entry.auth) {
    const text = Buffer.from(entry.auth, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    if (colon < 1) throw invalidArgument(`invalid auth entry for ${name}: expected base64 of user:password`);
    return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, ''), ...tokens };
  }
  if (entry.username) return { username: entry.username, password: entry.password ?? '', ...tokens };
  return identitytoken || registrytoken ? tokens : undefined;
}

/** `https://ghcr.io/v1/` → `ghcr.io` */
function hostOf(name: string): string {
  return name.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

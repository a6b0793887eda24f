// Bearer tokens (distribution-spec's token and oauth2 documents): fetched from the realm that the registry names, kept until
// they expire. Runs in the daemon; tokens and passwords live in memory only.

import { createHash } from 'node:crypto';
import type { Credentials } from '../base/docker-config.ts';
import type { Challenge } from './challenge.ts';
import { answerFailure, RegistryFailure, shownUrl } from './failure.ts';
import { readBody, type Answer } from './transport.ts';

/** A token is a JSON object of a few KiB; more is not a token. */
const LIMIT = 256 * 1024;
/** A token is not used in the last seconds of its life (milliseconds), since requests take time. */
const MARGIN = 10_000;
/** Seconds; what the token document demands of clients when expires_in is absent. */
const LIFETIME = 60;

export interface TokenRequest {
  challenge: Challenge;
  /** `repository:library/busybox:pull`; several, separated by spaces */
  scope: string;
  credentials: Credentials | undefined;
  signal: AbortSignal | undefined;
}

/** Sends a request to a realm: the caller's rules for plain HTTP and redirects hold. */
export type Send = (
  url: URL,
  request: { method: 'GET' | 'POST'; headers: Record<string, string>; body?: string; signal: AbortSignal | undefined },
) => Promise<Answer>;

export class Tokens {
  readonly #send: Send;
  readonly #kept = new Map<string, { token: string; expires: number }>();

  constructor(send: Send) {
    this.#send = send;
  }

  /** A token for the scope, from memory or from the realm. @throws RegistryFailure */
  async get(request: TokenRequest): Promise<string> {
    const key = keyOf(request);
    const kept = this.#kept.get(key);
    if (kept && kept.expires > Date.now()) return kept.token;
    const fresh = await this.#fetch(request);
    for (const [name, { expires }] of this.#kept) if (expires <= Date.now()) this.#kept.delete(name);
    this.#kept.set(key, fresh);
    return fresh.token;
  }

  /** Forgets a token that the registry refused. */
  forget(request: TokenRequest): void {
    this.#kept.delete(keyOf(request));
  }

  async #fetch(request: TokenRequest): Promise<{ token: string; expires: number }> {
    const { challenge, scope, credentials, signal } = request;
    const realm = realmOf(challenge);
    const query = new URLSearchParams({
      ...(challenge.parameters.service && { service: challenge.parameters.service }),
    });
    let answer: Answer;
    if (credentials?.identitytoken) {
      const body = new URLSearchParams({
        grant_type: 'refresh_token',
        client_id: 'punnet',
        refresh_token: credentials.identitytoken,
      });
      for (const [name, value] of query) body.append(name, value);
      if (scope) body.append('scope', scope);
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      answer = await this.#send(realm, { method: 'POST', headers, body: body.toString(), signal });
    } else {
      const headers: Record<string, string> = {};
      if (credentials?.username) {
        headers.authorization = basic(credentials);
        query.set('account', credentials.username);
      }
      if (scope) for (const one of scope.split(' ')) query.append('scope', one);
      for (const [name, value] of query) realm.searchParams.append(name, value);
      answer = await this.#send(realm, { method: 'GET', headers, signal });
    }
    const body = await readBody(answer, LIMIT);
    if (answer.status !== 200) throw answerFailure({ status: answer.status, statusText: answer.statusText, body });
    return tokenIn(body, realm);
  }
}

/** The value of an Authorization header for Basic. */
export function basic(credentials: Credentials): string {
  return `Basic ${Buffer.from(`${credentials.username ?? ''}:${credentials.password ?? ''}`).toString('base64')}`;
}

function realmOf(challenge: Challenge): URL {
  try {
    return new URL(challenge.parameters.realm ?? '');
  } catch {
    throw new RegistryFailure(`the registry's token realm is not a URL: ${JSON.stringify(challenge.parameters.realm)}`);
  }
}

function tokenIn(body: Buffer, realm: URL): { token: string; expires: number } {
  let value: { token?: unknown; access_token?: unknown; expires_in?: unknown };
  try {
    value = JSON.parse(body.toString('utf8')) as typeof value;
  } catch {
    // The parser's message would quote the token.
    throw new RegistryFailure(`Get "${shownUrl(realm)}": the token server's answer is not JSON`);
  }
  const token = value?.token || value?.access_token;
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token))
    throw new RegistryFailure('authorization server did not include a token in the response');
  const seconds = typeof value.expires_in === 'number' ? Math.max(value.expires_in, LIFETIME) : LIFETIME;
  return { token, expires: Date.now() + seconds * 1000 - MARGIN };
}

function keyOf({ challenge, scope, credentials }: TokenRequest): string {
  const { realm = '', service = '' } = challenge.parameters;
  const { username = '', password = '', identitytoken = '' } = credentials ?? {};
  const who = createHash('sha256')
    .update(JSON.stringify([username, password, identitytoken]))
    .digest('hex');
  return JSON.stringify([realm, service, scope, who]);
}

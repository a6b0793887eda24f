// What all pulls and pushes of a daemon share: connections, what endpoints demand, tokens, and the number of blobs at a time.
// It sends requests and follows redirects, never with credentials to another host. Runs in the daemon.

import { parseChallenges, type Challenge } from './challenge.ts';
import { isInsecure, type RegistryConfig } from './config.ts';
import type { Endpoint } from './endpoint.ts';
import { RegistryFailure, shownUrl } from './failure.ts';
import type { PullLine } from './progress.ts';
import { SharedWork } from './shared-work.ts';
import { Slots } from './slots.ts';
import { Tokens } from './token.ts';
import {
  discard,
  readBody,
  Transport,
  type Answer,
  type Method,
  type RequestBody,
  type TransportOptions,
} from './transport.ts';
import { trustFor } from './trust.ts';

export interface RegistryClientOptions extends TransportOptions {
  /** read anew at every pull, so that a change needs no restart */
  config: () => RegistryConfig;
  /** blobs on their way at a time, over all pulls */
  downloads?: number;
  uploads?: number;
  /** milliseconds before the first new try; doubles with every further one */
  backoff?: number;
}

/** Milliseconds for which a ping's answer is believed. */
const PING_LIFETIME = 300_000;
const REDIRECTS = 10;

export class RegistryClient {
  readonly config: () => RegistryConfig;
  readonly tokens: Tokens;
  readonly downloads: Slots;
  readonly uploads: Slots;
  /** layers on their way, by digest and diffID, so that two pulls of one layer are one */
  readonly layers = new SharedWork<void, PullLine>();
  readonly backoff: number;
  readonly #transport: Transport;
  readonly #pings = new Map<string, { challenges: Challenge[]; expires: number }>();

  constructor(options: RegistryClientOptions) {
    this.config = options.config;
    this.downloads = new Slots(options.downloads ?? 3);
    this.uploads = new Slots(options.uploads ?? 5);
    this.backoff = options.backoff ?? 500;
    this.#transport = new Transport(options);
    this.tokens = new Tokens((url, request) => {
      // Credentials go there: plain HTTP only to hosts for which the user or the loopback address allows it.
      const insecure = isInsecure(url.host, this.config());
      if (url.protocol !== 'https:' && !insecure)
        throw new RegistryFailure(`the registry's token realm ${shownUrl(url)} is plain HTTP`, {
          fix: `if ${url.host} is trusted, add it to "insecure-registries" in registries.json (docs/registries.md)`,
        });
      return this.follow(url, { ...request, insecure });
    });
  }

  /** The challenges of an endpoint; none when it asks for nothing. @throws RegistryFailure when nobody answers */
  async ping(endpoint: Endpoint, signal: AbortSignal | undefined): Promise<Challenge[]> {
    const key = `${endpoint.base} ${endpoint.insecure}`;
    const kept = this.#pings.get(key);
    if (kept && kept.expires > Date.now()) return kept.challenges;
    const answer = await this.follow(new URL(`${endpoint.base}/v2/`), { insecure: endpoint.insecure, signal });
    const challenges = answer.status === 401 ? parseChallenges(answer.headers['www-authenticate']) : [];
    if (answer.status < 500) this.#pings.set(key, { challenges, expires: Date.now() + PING_LIFETIME });
    await readBody(answer, 64 * 1024).catch(() => discard(answer));
    return challenges;
  }

  /** Forgets what a ping said: the endpoint did not keep to it. */
  forgetPing(endpoint: Endpoint): void {
    this.#pings.delete(`${endpoint.base} ${endpoint.insecure}`);
  }

  /** Sends, and follows redirects: no Authorization to another host, no step from TLS to plain HTTP. */
  async follow(
    from: URL,
    request: {
      method?: Method;
      headers?: Record<string, string>;
      body?: RequestBody;
      insecure: boolean;
      signal: AbortSignal | undefined;
    },
  ): Promise<Answer> {
    const { method, body, signal } = request;
    let headers = request.headers ?? {};
    let url = from;
    for (let hops = 0; hops <= REDIRECTS; hops++) {
      const insecure = url.host === from.host ? request.insecure : isInsecure(url.host, this.config());
      if (url.protocol === 'http:' && !insecure)
        throw new RegistryFailure(`Get "${shownUrl(url)}": plain HTTP is not allowed for ${url.host}`);
      const trust = url.protocol === 'https:' && !insecure ? trustFor(url.host, this.config().certificates) : undefined;
      const answer = await this.#transport.send(url, { method, headers, body, signal, trust });
      const location = answer.headers.location;
      if (!REDIRECT.has(answer.status) || location === undefined) return answer;
      // A body goes elsewhere only where the server says that the request is to be repeated as it is (RFC 9110 §15.4.8).
      if (method === 'POST' || (body !== undefined && answer.status !== 307 && answer.status !== 308)) return answer;
      discard(answer);
      const next = redirectTarget(location, url);
      if (next.host !== url.host || next.protocol !== url.protocol) headers = withoutCredentials(headers);
      url = next;
    }
    throw new RegistryFailure(`Get "${shownUrl(from)}": stopped after ${REDIRECTS} redirects`);
  }

  /** Ends idle connections. */
  close(): void {
    this.#transport.close();
  }
}

const REDIRECT = new Set([301, 302, 303, 307, 308]);

function redirectTarget(location: string, from: URL): URL {
  let next: URL;
  try {
    next = new URL(location, from);
  } catch {
    throw new RegistryFailure(`Get "${shownUrl(from)}": the server redirects to something that is not a URL`);
  }
  if (next.protocol !== 'https:' && next.protocol !== from.protocol)
    throw new RegistryFailure(
      `Get "${shownUrl(from)}": the server redirects to ${next.protocol}//${next.host}: refused`,
    );
  next.username = next.password = '';
  return next;
}

function withoutCredentials(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'authorization'));
}

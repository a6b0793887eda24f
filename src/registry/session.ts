// Authorised requests to one repository at one endpoint: the ping, the challenge and its answer, redirects. What pull and push
// say to a registry they say through here. Runs in the daemon. distribution-spec §Endpoints; RFC 6750; RFC 7617

import type { Credentials } from '../base/docker-config.ts';
import { parseChallenges, type Challenge } from './challenge.ts';
import { isInsecure } from './config.ts';
import type { Endpoint } from './endpoint.ts';
import { answerFailure, RegistryFailure, shownUrl } from './failure.ts';
import type { RegistryClient } from './client.ts';
import { basic, type TokenRequest } from './token.ts';
import { discard, readBody, type Answer, type Method, type RequestBody } from './transport.ts';

/** Bytes of an error answer that are looked at. */
const ERROR_LIMIT = 64 * 1024;
/** Seconds that a server may make us wait with Retry-After. */
const LONGEST_WAIT = 60;

export interface SessionOptions {
  client: RegistryClient;
  endpoint: Endpoint;
  /** `library/busybox` */
  repository: string;
  /** what is asked of a token server: `pull` unless given */
  actions?: string;
  /** further repositories that blobs are mounted from */
  sources?: string[];
  credentials: Credentials | undefined;
  signal: AbortSignal | undefined;
}

export interface SessionRequest {
  headers?: Record<string, string>;
  body?: RequestBody;
  signal?: AbortSignal;
  /** the statuses that are no failure */
  expect: number[];
}

export class Session {
  readonly endpoint: Endpoint;
  readonly #options: SessionOptions;
  #challenges: Challenge[] = [];

  private constructor(options: SessionOptions) {
    this.endpoint = options.endpoint;
    this.#options = options;
  }

  /** Pings the endpoint (`GET /v2/`) and learns what it demands. @throws RegistryFailure when nobody answers */
  static async open(options: SessionOptions): Promise<Session> {
    const session = new Session(options);
    session.#challenges = await options.client.ping(options.endpoint, options.signal);
    return session;
  }

  /**
   * GET below /v2/<repository>/; the answer's status is 200 or 206.
   * @throws RegistryFailure with Docker's texts
   */
  get(path: string, headers: Record<string, string> = {}, signal = this.#options.signal): Promise<Answer> {
    return this.request('GET', this.url(path), { headers, signal, expect: [200, 206] });
  }

  /** A URL below /v2/<repository>/. */
  url(path: string): URL {
    return new URL(`${this.endpoint.base}/v2/${this.#options.repository}/${path}`);
  }

  /** @throws RegistryFailure with Docker's texts for every status that is not expected */
  async request(method: Method, url: URL, request: SessionRequest): Promise<Answer> {
    const { signal = this.#options.signal } = request;
    let answer = await this.#send(method, url, request);
    if (answer.status === 401) {
      // The token may have expired, or the registry demands another scope than the usual one: once more with its own words.
      const said = parseChallenges(answer.headers['www-authenticate']);
      if (said.length > 0 && this.#canAnswer(said)) {
        await readBody(answer, ERROR_LIMIT);
        this.#challenges = said;
        const token = this.#tokenRequest(signal);
        if (token) this.#options.client.tokens.forget(token);
        answer = await this.#send(method, url, request);
      }
    }
    if (request.expect.includes(answer.status)) return answer;
    throw await failureOf(answer);
  }

  async #send(method: Method, url: URL, request: SessionRequest): Promise<Answer> {
    const { client, endpoint } = this.#options;
    const { headers = {}, body, signal = this.#options.signal } = request;
    // A registry may send uploads to another host: that one learns no secret.
    const home = new URL(endpoint.base);
    const own = url.host === home.host && url.protocol === home.protocol;
    const authorization = own ? await this.#authorization(url, signal) : {};
    const insecure = own ? endpoint.insecure : isInsecure(url.host, client.config());
    return client.follow(url, { method, headers: { ...headers, ...authorization }, body, insecure, signal });
  }

  /** Whether these challenges are answerable, so that asking again makes sense. */
  #canAnswer(challenges: Challenge[]): boolean {
    return challenges.some(({ scheme }) => scheme === 'bearer');
  }

  async #authorization(url: URL, signal: AbortSignal | undefined): Promise<Record<string, string>> {
    const { credentials, client } = this.#options;
    if (credentials?.registrytoken) return { authorization: `Bearer ${credentials.registrytoken}` };
    const request = this.#tokenRequest(signal);
    if (request) {
      try {
        return { authorization: `Bearer ${await client.tokens.get(request)}` };
      } catch (error) {
        if (!(error instanceof RegistryFailure) || error.code === undefined) throw error;
        throw new RegistryFailure(`Head "${shownUrl(url)}": ${error.message}`, { ...error, cause: error });
      }
    }
    if (this.#challenges.some(({ scheme }) => scheme === 'basic')) {
      if (!credentials?.username) {
        const fix = `punnet login ${url.host}`;
        const cause = new RegistryFailure('no basic auth credentials', { fix });
        throw new RegistryFailure(`Head "${shownUrl(url)}": ${cause.message}`, { cause, fix });
      }
      return { authorization: basic(credentials) };
    }
    return {};
  }

  #tokenRequest(signal: AbortSignal | undefined): TokenRequest | undefined {
    const challenge = this.#challenges.find(({ scheme }) => scheme === 'bearer');
    if (!challenge) return undefined;
    const { credentials, repository, actions = 'pull', sources = [] } = this.#options;
    const scopes = [`repository:${repository}:${actions}`, ...sources.map((source) => `repository:${source}:pull`)];
    return { challenge, scope: scopes.join(' '), credentials, signal };
  }
}

/** The failure that an answer tells of; reads its body. */
export async function failureOf(answer: Answer): Promise<RegistryFailure> {
  for (const { scheme, parameters } of parseChallenges(answer.headers['www-authenticate']))
    if (scheme === 'bearer' && parameters.error === 'insufficient_scope' && answer.status < 500) {
      discard(answer);
      const code = 'DENIED';
      return new RegistryFailure('denied: requested access to the resource is denied', { code, status: answer.status });
    }
  const body = await readBody(answer, ERROR_LIMIT).catch((error: unknown) => {
    // The status is the news; a body that is too long or cut adds nothing.
    if (error instanceof RegistryFailure) return Buffer.alloc(0);
    throw error;
  });
  const seconds = Number(answer.headers['retry-after']);
  const retryAfter = Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, LONGEST_WAIT) * 1000 : undefined;
  return answerFailure({ status: answer.status, statusText: answer.statusText, body, retryAfter });
}

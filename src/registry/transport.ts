// One HTTP request and its answer: connections kept alive, a limit on waiting, errors as RegistryFailures. It knows
// nothing of registries. Runs in the daemon, in the host's network namespace.

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Readable } from 'node:stream';
import type { SecureContext } from 'node:tls';
import { networkFailure, RegistryFailure, shownUrl } from './failure.ts';
import { proxyFor, tunnel } from './proxy.ts';

export interface TransportOptions {
  /** milliseconds without a byte, in any phase, after which a connection is given up */
  stall?: number;
  env?: NodeJS.ProcessEnv;
}

export type Method = 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

/** Text, or bytes that can be had again for a further try; their number goes into the header `content-length`. */
export type RequestBody = string | Uint8Array | (() => Readable);

export interface Request {
  method?: Method;
  headers?: Record<string, string>;
  body?: RequestBody;
  signal?: AbortSignal;
  /** for https: whom to believe; undefined: anybody (an insecure registry) */
  trust?: SecureContext;
}

export interface Answer {
  url: URL;
  status: number;
  statusText: string;
  headers: IncomingMessage['headers'];
  /** bytes as they come; read them with bytesOf or readBody, or discard them */
  body: IncomingMessage;
  /** why the connection was ended from our side while the body was read */
  ended(): Error | undefined;
}

const STALL = 60_000;

/** Sends requests; holds the idle connections until close(). */
export class Transport {
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;
  readonly #stall: number;
  readonly #env: NodeJS.ProcessEnv;

  constructor(options: TransportOptions = {}) {
    const agent = { keepAlive: true, maxFreeSockets: 4, timeout: 20_000, keepAliveMsecs: 5_000 };
    this.#http = new HttpAgent(agent);
    this.#https = new HttpsAgent(agent);
    this.#stall = options.stall ?? STALL;
    this.#env = options.env ?? process.env;
  }

  /** @throws RegistryFailure when no answer came; the signal's reason when aborted */
  async send(url: URL, request: Request = {}): Promise<Answer> {
    const { method = 'GET', signal } = request;
    signal?.throwIfAborted();
    try {
      return await this.#send(url, request);
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof RegistryFailure ? error : networkFailure(error, { method, url });
    }
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  async #send(url: URL, request: Request): Promise<Answer> {
    const secure = url.protocol === 'https:';
    const proxy = proxyFor(url, this.#env);
    const options: RequestOptions & {
      secureContext?: SecureContext;
      rejectUnauthorized?: boolean;
      servername?: string;
    } = {
      method: request.method ?? 'GET',
      headers: { 'user-agent': 'punnet', ...request.headers },
      agent: secure ? this.#https : this.#http,
      ...(secure && { rejectUnauthorized: request.trust !== undefined, secureContext: request.trust }),
      ...(secure && isIP(url.hostname) === 0 && { servername: url.hostname }),
    };
    let target = url;
    if (proxy && secure) {
      const socket = await tunnel({ proxy, url, signal: request.signal, stall: this.#stall, trust: request.trust });
      // With an agent, Node would connect by itself.
      options.agent = undefined;
      options.createConnection = () => socket;
    } else if (proxy) {
      target = proxy.url;
      options.path = url.href;
      options.headers = { ...options.headers, host: url.host, ...proxy.headers };
    }
    return new Promise((resolve, reject) => {
      const sent = (target.protocol === 'https:' ? httpsRequest : httpRequest)(target, options);
      let ended: Error | undefined;
      const end = (error: Error) => {
        ended = error;
        sent.destroy(error);
      };
      const aborted = () => end(abortReason(request.signal!));
      request.signal?.addEventListener('abort', aborted, { once: true });
      sent.once('close', () => request.signal?.removeEventListener('abort', aborted));
      sent.setTimeout(this.#stall, () => end(stalled(url, this.#stall, request.method)));
      sent.on('error', reject);
      sent.once('response', (body: IncomingMessage) => {
        const { statusCode: status = 0, statusMessage: statusText = '', headers } = body;
        resolve({ url, status, statusText, headers, body, ended: () => ended });
      });
      if (typeof request.body !== 'function') {
        sent.end(request.body);
        return;
      }
      const body = request.body();
      // The source's failure is the news, not that the connection ended over it.
      body.once('error', end);
      sent.once('close', () => body.destroy());
      body.pipe(sent);
    });
  }
}

/**
 * The whole body, at most `limit` bytes of it.
 * @throws RegistryFailure when it is longer, or the connection ends early
 */
export async function readBody(answer: Answer, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of bytesOf(answer)) {
    length += chunk.length;
    if (length > limit)
      throw new RegistryFailure(`Get "${shownUrl(answer.url)}": the answer is larger than the limit of ${limit} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** The body's bytes; a cut or stalled connection is a RegistryFailure that another try may mend. */
export async function* bytesOf(answer: Answer): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of answer.body) yield chunk as Buffer;
  } catch (error) {
    throw answer.ended() ?? networkFailure(error, { method: 'GET', url: answer.url });
  }
}

/** Drops a body that nobody reads, and with it the connection. */
export function discard(answer: Answer): void {
  answer.body.once('error', () => {});
  answer.body.destroy();
}

function stalled(url: URL, stall: number, method = 'GET'): RegistryFailure {
  const verb = method.charAt(0) + method.slice(1).toLowerCase();
  return new RegistryFailure(`${verb} "${shownUrl(url)}": i/o timeout: no byte for ${stall / 1000} s`, { retry: true });
}

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason });
}

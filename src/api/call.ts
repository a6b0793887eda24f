// One request as a route sees it: decoded parameters in, JSON or a stream out. Runs in the daemon.
// moby: daemon/server/httputils.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { invalidArgument, messageOf } from '../base/errors.ts';
import type { Backend } from './backend.ts';
import { parseFilters } from './filters.ts';
import type { Filters } from './types.ts';

const MAX_JSON = 8 << 20;

export interface CallParts {
  request: IncomingMessage;
  response: ServerResponse;
  /** the body, where it was read already */
  body: Buffer | undefined;
  backend: Backend;
  version: string;
  params: Record<string, string>;
  query: URLSearchParams;
  signal: AbortSignal;
  takeOver(contentType: string): Duplex;
}

/** A request on its way through one route. */
export class Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly backend: Backend;
  /** API version that the client speaks */
  readonly version: string;
  readonly params: Record<string, string>;
  readonly query: URLSearchParams;
  /** aborted when the client goes away before the answer is complete */
  readonly signal: AbortSignal;
  /** Answers 101 (or 200 without Upgrade) and hands over the raw connection. */
  readonly takeOver: (contentType: string) => Duplex;
  readonly #read: Buffer | undefined;

  constructor(parts: CallParts) {
    this.request = parts.request;
    this.response = parts.response;
    this.backend = parts.backend;
    this.version = parts.version;
    this.params = parts.params;
    this.query = parts.query;
    this.signal = parts.signal;
    this.takeOver = parts.takeOver;
    this.#read = parts.body;
  }

  /** A path parameter. */
  param(name: string): string {
    return this.params[name]!;
  }

  /** A query parameter; undefined when absent or empty. */
  text(name: string): string | undefined {
    return this.query.get(name) || undefined;
  }

  /** Docker's notion of true: anything but empty, 0, no, false and none. */
  flag(name: string, fallback = false): boolean {
    const value = this.query.get(name);
    if (value === null) return fallback;
    return !['', '0', 'no', 'false', 'none'].includes(value.trim().toLowerCase());
  }

  /** @throws invalidArgument with Go's text when the parameter is not a whole number. */
  integer(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (!/^[+-]?\d+$/.test(value))
      throw invalidArgument(`strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
    return Number(value);
  }

  filters(): Filters {
    return parseFilters(this.query.get('filters'));
  }

  /** Reads the body as one JSON object. @throws invalidArgument with Docker's texts. */
  async json<T extends object>(): Promise<T> {
    const type = this.request.headers['content-type'] ?? '';
    const bytes = this.#read ?? (await this.#body());
    if (type.split(';')[0]!.trim().toLowerCase() !== 'application/json') {
      throw invalidArgument(`unsupported Content-Type header (${type}): must be 'application/json'`);
    }
    if (bytes.length === 0) throw invalidArgument('invalid JSON: got EOF while reading request body');
    let value: unknown;
    try {
      value = JSON.parse(bytes.toString('utf8'));
    } catch (error) {
      throw invalidArgument(`invalid JSON: ${messageOf(error)}`, { cause: error });
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw invalidArgument('invalid JSON: expected an object');
    }
    return value as T;
  }

  /** Answers with a JSON body. */
  reply(status: number, body: unknown): void {
    // As text, because Node sends a body of text with the headers, in one write.
    const text = `${JSON.stringify(body)}\n`;
    this.response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
    this.response.end(this.request.method === 'HEAD' ? undefined : text);
  }

  /** Answers without a body. */
  done(status: number): void {
    this.response.writeHead(status, status === 204 || status === 304 ? {} : { 'Content-Length': 0 });
    this.response.end();
  }

  async #body(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of this.request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_JSON) throw invalidArgument(`request body is larger than ${MAX_JSON} bytes`);
      chunks.push(chunk);
    }
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
  }
}

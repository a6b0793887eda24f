// The Engine API's client: HTTP/1.1 over the daemon's unix socket, with hijacked (101 UPGRADED) connections.
// Runs in the CLI, outside every namespace, as the user. It speaks raw sockets because loading node:http costs more than
// a container's start; it trusts the daemon's framing but never more bytes than the framing announces.
// RFC 9112 (messages, chunked coding); unix(7).

import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { errnoOf, messageOf, PunnetError, unavailable, type ErrorKind } from '../base/errors.ts';

/** An error answer of the daemon. `message` carries Docker's prefix, `reason` is the daemon's own text. */
export class ApiError extends PunnetError {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string) {
    super(kindOf(status), `Error response from daemon: ${reason}`);
    this.status = status;
    this.reason = reason;
  }
}

function kindOf(status: number): ErrorKind {
  const kinds: Record<number, ErrorKind> = {
    304: 'notModified',
    400: 'invalidArgument',
    401: 'unauthorized',
    403: 'forbidden',
    404: 'notFound',
    409: 'conflict',
    501: 'notImplemented',
    503: 'unavailable',
  };
  return kinds[status] ?? 'internal';
}

export type Query = Record<string, string | number | boolean | undefined>;

export interface RequestOptions {
  query?: Query;
  /** sent as JSON */
  body?: unknown;
  headers?: Record<string, string>;
  /** Ends the request and its connection; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

interface Head {
  status: number;
  headers: Map<string, string>;
}

export interface StreamResponse extends Head {
  body: Readable;
}

/** A connection that the daemon handed over: bytes both ways, `end()` is the container's end of input. */
export interface Hijacked {
  socket: Socket;
  /** `application/vnd.docker.raw-stream` or `…multiplexed-stream`; old daemons say raw for both. */
  contentType: string;
}

export class Client {
  readonly socketPath: string;
  private idle: Socket[] = [];

  private wake: (() => Promise<void>) | undefined;

  /**
   * @param socketPath absolute path of the daemon's socket
   * @param wake starts the daemon; called at most once, when nobody listens
   */
  constructor(socketPath: string, wake?: () => Promise<void>) {
    this.socketPath = socketPath;
    this.wake = wake;
  }

  /**
   * One request whose answer is a JSON document (or nothing).
   * @throws ApiError for a status of 400 and above; unavailable when nobody listens.
   */
  async call<T = unknown>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const text = await this.text(method, path, options);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** The same, as the raw text of the answer: `inspect` shows the daemon's own numbers and order. */
  async text(method: string, path: string, options: RequestOptions = {}): Promise<string> {
    const response = await this.stream(method, path, options);
    return collect(response.body);
  }

  /** One request whose answer is read as it comes: progress, logs, wait. Resolves once the header has arrived. */
  async stream(method: string, path: string, options: RequestOptions = {}): Promise<StreamResponse> {
    const exchange = await this.open(method, path, options);
    if (exchange.status < 400) return exchange;
    throw await failure(exchange, method, path);
  }

  /** A request that takes over its connection: attach. */
  async hijack(path: string, options: RequestOptions = {}): Promise<Hijacked> {
    const headers = { ...options.headers, 'Content-Type': 'text/plain', Connection: 'Upgrade', Upgrade: 'tcp' };
    const socket = await this.connect(options.signal);
    socket.write(requestHead('POST', path, { ...options, headers }));
    const { head, rest } = await readHead(socket);
    const contentType = head.headers.get('content-type') ?? '';
    if (head.status === 101 || (head.status === 200 && contentType.includes('stream'))) {
      socket.pause();
      if (rest.length > 0) socket.unshift(rest);
      return { socket, contentType };
    }
    if (head.status >= 400) throw await failure({ ...head, body: bodyOf(socket, head, rest, () => {}) }, 'POST', path);
    socket.destroy();
    throw new PunnetError('internal', `unable to upgrade to tcp, received ${head.status}`);
  }

  /** Closes the connections that are kept for a next request. */
  close(): void {
    for (const socket of this.idle.splice(0)) socket.destroy();
  }

  private async open(method: string, path: string, options: RequestOptions): Promise<StreamResponse> {
    const kept = this.idle.pop();
    const socket = kept ?? (await this.connect(options.signal));
    kept?.ref();
    const abort = () => socket.destroy(options.signal?.reason as Error);
    options.signal?.addEventListener('abort', abort, { once: true });
    socket.write(requestHead(method, path, options));
    try {
      const { head, rest } = await readHead(socket);
      const done = () => {
        options.signal?.removeEventListener('abort', abort);
        if (head.headers.get('connection')?.toLowerCase() === 'close') socket.destroy();
        else {
          socket.removeAllListeners();
          socket.on('error', () => this.forget(socket));
          socket.on('close', () => this.forget(socket));
          socket.unref();
          this.idle.push(socket);
        }
      };
      return { ...head, body: bodyOf(socket, method === 'HEAD' ? { ...head, status: 204 } : head, rest, done) };
    } catch (error) {
      options.signal?.removeEventListener('abort', abort);
      if (options.signal?.aborted) throw options.signal.reason;
      // A kept connection may have been closed by the daemon just now; nothing was answered, so once more on a new one.
      if (kept && method !== 'POST') return this.open(method, path, options);
      throw error;
    }
  }

  private forget(socket: Socket): void {
    this.idle = this.idle.filter((kept) => kept !== socket);
  }

  private async connect(signal?: AbortSignal): Promise<Socket> {
    try {
      return await this.dial(signal);
    } catch (error) {
      const { wake } = this;
      if (!wake || !['ENOENT', 'ECONNREFUSED'].includes(errnoOf((error as Error).cause) ?? '')) throw error;
      this.wake = undefined;
      await wake();
      return this.dial(signal);
    }
  }

  private dial(signal?: AbortSignal): Promise<Socket> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const socket = connect({ path: this.socketPath, allowHalfOpen: true });
      const failed = (error: Error) => reject(this.unreachable(error));
      socket.once('error', failed);
      socket.once('connect', () => {
        socket.removeListener('error', failed);
        resolve(socket);
      });
    });
  }

  private unreachable(error: Error): PunnetError {
    const where = `unix://${this.socketPath}`;
    if (errnoOf(error) === 'EACCES') {
      return unavailable(`permission denied while trying to connect to the punnet daemon socket at ${where}`, {
        cause: error,
      });
    }
    return unavailable(`Cannot connect to the punnet daemon at ${where}. Is the punnet daemon running?`, {
      cause: error,
    });
  }
}

function requestHead(method: string, path: string, options: RequestOptions): string {
  const body = options.body === undefined ? '' : JSON.stringify(options.body);
  const headers: Record<string, string> = { Host: 'punnet', 'User-Agent': 'punnet', ...options.headers };
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET' && method !== 'HEAD') headers['Content-Length'] = String(Buffer.byteLength(body));
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value.replace(/[\r\n]/g, '')}`);
  return `${method} ${pathText(path)}${queryText(options.query)} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** A name is the user's text: no character of it may end the path or the request line. */
function pathText(path: string): string {
  return encodeURI(path).replace(/[?#]/g, encodeURIComponent);
}

function queryText(query: Query = {}): string {
  const parts = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === false || value === ''
      ? []
      : [`${name}=${encodeURIComponent(value === true ? '1' : String(value))}`],
  );
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

const HEAD_LIMIT = 64 * 1024;

function readHead(socket: Socket): Promise<{ head: Head; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let seen: Buffer = Buffer.alloc(0);
    const settle = (act: () => void) => {
      socket.removeListener('data', onData);
      socket.removeListener('error', onError);
      socket.removeListener('end', onEnd);
      socket.removeListener('close', onEnd);
      act();
    };
    const onError = (error: Error) => settle(() => reject(error));
    const onEnd = () => settle(() => reject(unavailable('the punnet daemon closed the connection without an answer')));
    const onData = (chunk: Buffer) => {
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const end = seen.indexOf('\r\n\r\n');
      if (end < 0) {
        if (seen.length > HEAD_LIMIT) onError(new PunnetError('internal', 'the daemon sent an endless header'));
        return;
      }
      const head = parseHead(seen.toString('latin1', 0, end));
      const rest = seen.subarray(end + 4);
      if (head.status === 100) {
        seen = rest;
        return;
      }
      socket.pause();
      settle(() => resolve({ head, rest }));
    };
    socket.on('data', onData);
    socket.on('error', onError);
    socket.on('end', onEnd);
    socket.on('close', onEnd);
    socket.resume();
  });
}

function parseHead(text: string): Head {
  const [first, ...lines] = text.split('\r\n');
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first ?? '')?.[1]);
  if (!Number.isInteger(status)) throw new PunnetError('internal', 'the daemon did not answer in HTTP');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status, headers };
}

type Decoder = (chunk: Buffer, push: (data: Buffer) => void) => boolean;

/** The body behind a header, decoded; `done` runs when it was read to its end and the connection is free again. */
function bodyOf(socket: Socket, head: Head, rest: Buffer, done: () => void): Readable {
  const decode = decoderFor(head);
  let finished = false;
  const body = new Readable({
    read: () => void (finished || socket.resume()),
    destroy: (error, callback) => {
      if (!finished) socket.destroy();
      callback(error);
    },
  });
  const finish = (reusable: boolean) => {
    if (finished) return;
    finished = true;
    socket.removeListener('data', onData);
    socket.removeListener('end', onEnd);
    socket.removeListener('close', onEnd);
    socket.removeListener('error', onError);
    socket.resume();
    if (reusable) done();
    else socket.destroy();
    body.push(null);
  };
  const onData = (chunk: Buffer) => {
    let room = true;
    const push = (data: Buffer) => void (room = body.push(data) && room);
    try {
      if (!decode) push(chunk);
      else if (decode(chunk, push)) return finish(true);
    } catch (error) {
      body.destroy(error as Error);
    }
    if (!room) socket.pause();
  };
  const onEnd = () => {
    if (!decode) finish(false);
    else if (!finished) body.destroy(unavailable('the punnet daemon ended in the middle of an answer'));
  };
  const onError = (error: Error) => body.destroy(error);
  if (decode?.(Buffer.alloc(0), () => {})) {
    finish(true);
    return body;
  }
  socket.on('data', onData);
  socket.on('end', onEnd);
  socket.on('close', onEnd);
  socket.on('error', onError);
  if (rest.length > 0) onData(rest);
  return body;
}

/** Undefined: the body ends with the connection. */
function decoderFor(head: Head): Decoder | undefined {
  if (head.status === 204 || head.status === 304) return () => true;
  if (head.headers.get('transfer-encoding')?.toLowerCase() === 'chunked') return chunkedDecoder();
  const length = head.headers.get('content-length');
  if (length === undefined) return undefined;
  let left = Number(length);
  return (chunk, push) => {
    const part = chunk.subarray(0, left);
    left -= part.length;
    if (part.length > 0) push(part);
    return left === 0;
  };
}

function chunkedDecoder(): Decoder {
  let line = '';
  let left = 0;
  let state: 'size' | 'data' | 'data-end' | 'trailer' = 'size';
  return (chunk, push) => {
    let at = 0;
    while (at < chunk.length) {
      if (state === 'data') {
        const part = chunk.subarray(at, at + left);
        push(part);
        at += part.length;
        left -= part.length;
        if (left === 0) state = 'data-end';
        continue;
      }
      const newline = chunk.indexOf(0x0a, at);
      line += chunk.toString('latin1', at, newline < 0 ? chunk.length : newline);
      if (newline < 0) return false;
      at = newline + 1;
      const text = line.trim();
      line = '';
      if (state === 'data-end') state = 'size';
      else if (state === 'trailer') {
        if (text === '') return true;
      } else {
        left = parseInt(text, 16);
        if (!Number.isInteger(left)) throw new PunnetError('internal', 'the daemon sent a malformed chunk');
        state = left === 0 ? 'trailer' : 'data';
      }
    }
    return false;
  };
}

async function collect(body: Readable): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of body) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

async function failure(response: StreamResponse, method: string, path: string): Promise<ApiError> {
  const text = (await collect(response.body)).trim();
  if (text === '') return new ApiError(response.status, `${method} ${path} returned ${response.status} and no reason`);
  try {
    const message = (JSON.parse(text) as { message?: unknown }).message;
    return new ApiError(response.status, typeof message === 'string' ? message.trim() : text);
  } catch (error) {
    // Not JSON: an old or foreign server answers in plain text, which is then the reason itself.
    return new ApiError(response.status, text || messageOf(error));
  }
}

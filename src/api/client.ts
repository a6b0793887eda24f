// The Engine API's client: HTTP/1.1 over the daemon's unix socket, with hijacked (101 UPGRADED) connections.
// Runs in the CLI, outside every namespace, as the user. It speaks raw sockets because loading node:http costs more than
// a container's start; it trusts the daemon's framing but never more bytes than the framing announces.
// RFC 9112 (messages, chunked coding); unix(7).

import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { errnoOf, PunnetError, unavailable, type ErrorKind } from '../base/errors.ts';
import {
  readBody,
  readHead,
  requestText,
  sendUpload,
  type Answer,
  type Head,
  type RequestOptions,
  type Sink,
} from './client-wire.ts';

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

export interface StreamResponse extends Head {
  body: Readable;
}

/** A request whose header has been answered. */
interface Exchange {
  head: Head;
  read(sink: Sink): () => void;
  /** Gives the rest of the answer up, and the connection with it. */
  drop(): void;
}

interface Kept {
  socket: Socket;
  forget: () => void;
}

/** A connection that the daemon handed over: bytes both ways, `end()` is the container's end of input. */
export interface Hijacked {
  socket: Socket;
  /** `application/vnd.docker.raw-stream` or `…multiplexed-stream`; old daemons say raw for both. */
  contentType: string;
}

export class Client {
  readonly socketPath: string;
  private idle: Kept[] = [];
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
    return (await this.later(method, path, options)).text;
  }

  /** The same, in two steps: resolves at the header, `text` when the answer is whole. `wait` answers so. */
  async later(method: string, path: string, options: RequestOptions = {}): Promise<{ text: Promise<string> }> {
    const exchange = await this.open(method, path, options);
    const text = wholeText((sink) => exchange.read(sink));
    if (exchange.head.status >= 400) throw failure(exchange.head.status, await text, `${method} ${path}`);
    // Who asks for the text gets the failure; nobody asking is no failure of the program.
    text.catch(() => {});
    return { text };
  }

  /** One request whose answer is read as it comes: progress, logs. Resolves once the header has arrived. */
  async stream(method: string, path: string, options: RequestOptions = {}): Promise<StreamResponse> {
    const exchange = await this.open(method, path, options);
    const { head } = exchange;
    if (head.status >= 400) {
      throw failure(head.status, await wholeText((sink) => exchange.read(sink)), `${method} ${path}`);
    }
    let more = () => {};
    const body = new Readable({ read: () => more(), destroy: (error, done) => (exchange.drop(), done(error)) });
    more = exchange.read({
      data: (piece) => body.push(piece),
      end: () => body.push(null),
      fail: (error) => body.destroy(error),
    });
    return { ...head, body };
  }

  /** A request that takes over its connection: attach. */
  async hijack(path: string, options: RequestOptions = {}): Promise<Hijacked> {
    const headers = { ...options.headers, 'Content-Type': 'text/plain', Connection: 'Upgrade', Upgrade: 'tcp' };
    const socket = this.reuse() ?? (await this.connect(options.signal));
    socket.write(requestText('POST', path, { ...options, headers }));
    const answer = await readHead(socket);
    const { status, headers: answered } = answer.head;
    const contentType = answered.get('content-type') ?? '';
    if (status === 101 || (status === 200 && contentType.includes('stream'))) {
      if (answer.rest.length > 0) socket.unshift(answer.rest);
      return { socket, contentType };
    }
    const text = await wholeText((sink) => readBody(socket, answer, sink));
    socket.destroy();
    if (status >= 400) throw failure(status, text, `POST ${path}`);
    throw new PunnetError('internal', `unable to upgrade to tcp, received ${status}`);
  }

  /** Opens connections for requests that will follow, while there is nothing to do but wait. */
  dialAhead(count: number): void {
    // The request that needs the connection tells what is wrong.
    for (let i = 0; i < count; i++)
      this.dial().then(
        (socket) => this.keep(socket),
        () => {},
      );
  }

  /** Closes the connections that are kept for a next request. */
  close(): void {
    for (const { socket } of this.idle.splice(0)) socket.destroy();
  }

  private async open(method: string, path: string, options: RequestOptions): Promise<Exchange> {
    const kept = this.reuse();
    const socket = kept ?? (await this.connect(options.signal));
    const { signal } = options;
    if (signal?.aborted) {
      socket.destroy();
      throw signal.reason;
    }
    const abort = () => socket.destroy(signal?.reason as Error);
    signal?.addEventListener('abort', abort, { once: true });
    socket.write(requestText(method, path, options));
    let answer: Answer;
    let uploadFailed: Promise<never> | undefined;
    let uploaded = options.upload === undefined;
    if (options.upload) {
      // Whether the archive's reading or its sending went wrong, the connection is of no more use.
      const sent = sendUpload(socket, options.upload).then(() => void (uploaded = true));
      uploadFailed = new Promise((_, reject) => sent.catch(reject));
      uploadFailed.catch(() => socket.destroy());
    }
    try {
      answer = await (uploadFailed ? Promise.race([readHead(socket), uploadFailed]) : readHead(socket));
    } catch (error) {
      signal?.removeEventListener('abort', abort);
      if (signal?.aborted) throw signal.reason;
      // A kept connection may have been closed by the daemon just now; nothing was answered, so once more on a new one.
      if (kept && method === 'GET') return this.open(method, path, options);
      throw error;
    }
    // Its header tells of a body that does not follow. RFC 9110 §9.3.2
    if (method === 'HEAD') {
      answer.head.headers.delete('transfer-encoding');
      answer.head.headers.set('content-length', '0');
    }
    const close = answer.head.headers.get('connection')?.toLowerCase() === 'close';
    // Once the answer is whole, the connection belongs to the next request.
    let over = false;
    const release = (reusable: boolean) => {
      over = true;
      signal?.removeEventListener('abort', abort);
      if (reusable && !close && uploaded) this.keep(socket);
      else socket.destroy();
    };
    return {
      head: answer.head,
      drop: () => void (over || socket.destroy()),
      read: (sink) =>
        readBody(socket, answer, {
          ...sink,
          end: (reusable) => {
            release(reusable);
            sink.end(reusable);
          },
          fail: (error) => {
            release(false);
            sink.fail(error);
          },
        }),
    };
  }

  /** Keeps a connection for the next request, until the daemon closes it. */
  private keep(socket: Socket): void {
    const forget = () => {
      this.idle = this.idle.filter((kept) => kept.socket !== socket);
      socket.destroy();
    };
    socket.once('end', forget);
    socket.once('error', forget);
    socket.unref();
    socket.resume();
    this.idle.push({ socket, forget });
  }

  private reuse(): Socket | undefined {
    const kept = this.idle.pop();
    if (!kept) return undefined;
    kept.socket.removeListener('end', kept.forget);
    kept.socket.removeListener('error', kept.forget);
    return kept.socket.ref();
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

function wholeText(read: (sink: Sink) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    read({
      data: (piece) => pieces.push(piece) > 0,
      end: () => resolve(Buffer.concat(pieces).toString('utf8')),
      fail: reject,
    });
  });
}

function failure(status: number, body: string, what: string): ApiError {
  const text = body.trim();
  if (text === '') return new ApiError(status, `${what} returned ${status} and no reason`);
  try {
    const message = (JSON.parse(text) as { message?: unknown }).message;
    return new ApiError(status, typeof message === 'string' ? message.trim() : text);
  } catch {
    // Not JSON: an old or foreign server answers in plain text, which is then the reason itself.
    return new ApiError(status, text);
  }
}

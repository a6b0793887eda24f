// The Engine API's HTTP server on a unix socket (0600): finds the route, runs it, turns errors into answers, and hands
// whole connections over to routes that hijack them. Runs in the daemon, as root of its user namespace.
// RFC 9112 §9, RFC 9110 §7.8 (Upgrade); unix(7)

import { chmodSync, rmSync } from 'node:fs';
import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { notFound } from '../base/errors.ts';
import type { Backend } from './backend.ts';
import { Call } from './call.ts';
import { hijack } from './hijack.ts';
import { match } from './route.ts';
import { ROUTES } from './routes.ts';
import { errorBody, statusOf } from './status.ts';
import { readUpgradeBody } from './upgrade-body.ts';
import { API_VERSION, checkVersion, splitVersion } from './version.ts';

export interface ServeOptions {
  /** path of the unix socket; a file that is there already is replaced */
  socket: string;
  /** value of the Server header's product, e.g. `Punnet/0.1.0` */
  product?: string;
  /** told about errors that are punnet's fault (status 500) */
  onError?(error: unknown, what: string): void;
}

export interface Listening {
  /** Stops accepting, ends open connections and removes the socket. */
  close(): Promise<void>;
  server: Server;
}

/** Listens on the socket; resolves once clients can connect. @throws the error of listen(2) */
export async function serve(backend: Backend, options: ServeOptions): Promise<Listening> {
  const connections = new Set<Socket>();
  const server = createServer((request, response) => void answer(backend, options, { request, response }));
  // Without an idle limit: a client that keeps a connection for its next request must not meet a reset.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => socket.end());
    void answer(backend, options, { request, response, head });
  });
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  rmSync(options.socket, { force: true });
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path: options.socket }, resolve);
    });
  } finally {
    process.umask(before);
  }
  chmodSync(options.socket, 0o600);
  return {
    server,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of connections) socket.destroy();
      }),
  };
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  /** bytes that came after an upgrade request and its body */
  head?: Buffer;
}

async function answer(backend: Backend, options: ServeOptions, exchange: Exchange): Promise<void> {
  const { request, response, head } = exchange;
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  response.setHeader('Api-Version', API_VERSION);
  response.setHeader('Docker-Experimental', 'false');
  response.setHeader('Ostype', 'linux');
  response.setHeader('Server', `${options.product ?? 'Punnet'} (linux)`);
  let taken = false;
  try {
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    const { version, path } = splitVersion(mark < 0 ? url : url.slice(0, mark));
    checkVersion(version);
    const found = match(ROUTES, request.method ?? 'GET', path);
    if (found === undefined) throw notFound('page not found');
    let body: Buffer | undefined;
    if (head !== undefined) ({ body, rest: exchange.head } = await readUpgradeBody(request, request.socket, head));
    await found.handler(
      new Call({
        request,
        response,
        body,
        backend,
        version,
        params: found.params,
        query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
        signal: gone.signal,
        takeOver: (contentType) => {
          taken = true;
          return hijack(exchange, contentType);
        },
      }),
    );
  } catch (error) {
    if (statusOf(error) === 500) options.onError?.(error, `${request.method} ${request.url}`);
    if (!taken) refuse(response, error);
  }
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.destroyed) return;
  if (response.headersSent) {
    // The answer is under way: only a broken connection can tell the client that it is not whole.
    response.destroy();
    return;
  }
  const status = statusOf(error);
  if (status === 304) {
    response.writeHead(304).end();
    return;
  }
  const body = Buffer.from(`${JSON.stringify(errorBody(error))}\n`);
  response.removeHeader('Transfer-Encoding');
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': body.length }).end(body);
}

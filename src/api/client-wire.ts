// HTTP/1.1 messages as the client writes and reads them: request text, answer's header, body by length, chunks or end.
// Runs in the CLI, as the user. RFC 9112.

import type { Socket } from 'node:net';
import { PunnetError, unavailable } from '../base/errors.ts';

/** A list becomes a parameter that repeats. */
export type Query = Record<string, string | number | boolean | string[] | undefined>;

export interface RequestOptions {
  query?: Query;
  /** sent as JSON */
  body?: unknown;
  /** sent as it comes, in place of a JSON body */
  upload?: AsyncIterable<Uint8Array>;
  headers?: Record<string, string>;
  /** Ends the request and its connection; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

export interface Head {
  status: number;
  /** names in lower case */
  headers: Map<string, string>;
}

/** A header and the bytes that came with it. */
export interface Answer {
  head: Head;
  rest: Buffer;
}

/** The whole request: line, header, body. */
export function requestText(method: string, path: string, options: RequestOptions): string {
  const body = options.body === undefined ? '' : JSON.stringify(options.body);
  const headers: Record<string, string> = { Host: 'punnet', 'User-Agent': 'punnet', ...options.headers };
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  if (options.upload) headers['Transfer-Encoding'] = 'chunked';
  else if (method !== 'GET' && method !== 'HEAD') headers['Content-Length'] = String(Buffer.byteLength(body));
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value.replace(/[\r\n]/g, '')}`);
  return `${method} ${pathText(path)}${queryText(options.query)} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}

/**
 * Writes a body in chunks, no faster than the connection takes them. Ends quietly when the connection does: the daemon's answer,
 * or its absence, tells why. @throws what `upload` throws
 */
export async function sendUpload(socket: Socket, upload: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of upload) {
    if (socket.destroyed || socket.writableEnded) return;
    if (chunk.length === 0) continue;
    socket.cork();
    socket.write(`${chunk.length.toString(16)}\r\n`);
    socket.write(chunk);
    const more = socket.write('\r\n');
    socket.uncork();
    if (!more) await room(socket);
  }
  if (!socket.destroyed) socket.write('0\r\n\r\n');
}

function room(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.removeListener('drain', done);
      socket.removeListener('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}

/** A name is the user's text: no character of it may end the path or the request line. */
function pathText(path: string): string {
  return encodeURI(path).replace(/[?#]/g, encodeURIComponent);
}

function queryText(query: Query = {}): string {
  const parts = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).flatMap((one) =>
      one === undefined || one === false || one === ''
        ? []
        : [`${name}=${encodeURIComponent(one === true ? '1' : String(one))}`],
    ),
  );
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

const HEAD_LIMIT = 64 * 1024;
const END_OF_HEAD = '\r\n\r\n';

/** @throws unavailable when the connection ends before the header does */
export function readHead(socket: Socket): Promise<Answer> {
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
      let end = seen.indexOf(END_OF_HEAD);
      // An interim answer (1xx but 101) stands before the real one.
      while (end >= 0 && /^HTTP\/1\.1 1(?!01)/.test(seen.toString('latin1', 0, 12))) {
        seen = seen.subarray(end + END_OF_HEAD.length);
        end = seen.indexOf(END_OF_HEAD);
      }
      if (end < 0) {
        if (seen.length > HEAD_LIMIT) onError(new PunnetError('internal', 'the daemon sent an endless header'));
        return;
      }
      const head = parseHead(seen.toString('latin1', 0, end));
      if (!head) return onError(new PunnetError('internal', 'the daemon did not answer in HTTP'));
      const rest = seen.subarray(end + END_OF_HEAD.length);
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

function parseHead(text: string): Head | undefined {
  const [first, ...lines] = text.split('\r\n');
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first ?? '')?.[1]);
  if (!Number.isInteger(status)) return undefined;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status, headers };
}

/** Takes a chunk of the connection, passes on what belongs to the body, says whether that was its end. */
type Decoder = (chunk: Buffer, push: (data: Buffer) => void) => boolean;

/** Who takes a body: each piece, then its end or its failure. `data` says whether there is room for more. */
export interface Sink {
  data(piece: Buffer): boolean;
  /** @param reusable the connection is free for a next request */
  end(reusable: boolean): void;
  fail(error: Error): void;
}

/** Reads the body behind a header into `sink`. @returns the function that goes on after a lack of room */
export function readBody(socket: Socket, { head, rest }: Answer, sink: Sink): () => void {
  const decode = decoderFor(head);
  const settle = () => {
    socket.removeListener('data', onData);
    socket.removeListener('end', onEnd);
    socket.removeListener('close', onEnd);
    socket.removeListener('error', onError);
  };
  const onError = (error: Error) => {
    settle();
    sink.fail(error);
  };
  const onData = (chunk: Buffer) => {
    let room = true;
    const push = (piece: Buffer) => void (room = sink.data(piece) && room);
    try {
      if (!decode) push(chunk);
      else if (decode(chunk, push)) {
        settle();
        return sink.end(true);
      }
    } catch (error) {
      return onError(error as Error);
    }
    if (!room) socket.pause();
  };
  const onEnd = () => {
    settle();
    if (!decode) sink.end(false);
    else sink.fail(unavailable('the punnet daemon ended in the middle of an answer'));
  };
  if (decode?.(rest, (piece) => void sink.data(piece))) {
    sink.end(true);
    return () => {};
  }
  if (!decode && rest.length > 0) sink.data(rest);
  socket.on('data', onData);
  socket.on('end', onEnd);
  socket.on('close', onEnd);
  socket.on('error', onError);
  socket.resume();
  return () => void socket.resume();
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

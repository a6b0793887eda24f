// Takes a connection away from HTTP: answers 101 UPGRADED, or 200 to a client that did not ask for an upgrade, and leaves
// a raw duplex stream in which half-close is meaningful. Runs in the daemon. Docker Engine API, "Hijacking".

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

export interface Hijackable {
  request: IncomingMessage;
  response: ServerResponse;
  /** bytes that the client sent right behind its request */
  head?: Buffer;
}

/** Writes the answer's head and returns the connection. Errors of the connection destroy it, quietly. */
export function hijack({ request, response, head }: Hijackable, contentType: string): Duplex {
  const { socket } = request;
  response.removeAllListeners('finish');
  response.detachSocket(socket);
  if (head === undefined) releaseFromParser(socket);
  socket.on('error', () => socket.destroy());
  socket.setTimeout(0);
  if (head !== undefined && head.length > 0) socket.unshift(head);
  const upgraded = request.headers.upgrade !== undefined;
  socket.write(
    upgraded
      ? `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`
      : `HTTP/1.1 200 OK\r\nContent-Type: ${contentType}\r\n\r\n`,
  );
  return socket;
}

/** Without an upgrade, node:http still reads from the socket; a `data` listener of ours takes the reading over from it. */
function releaseFromParser(socket: Duplex): void {
  const ours = () => {};
  socket.on('data', ours);
  for (const event of ['data', 'end', 'close', 'drain', 'error', 'timeout']) socket.removeAllListeners(event);
  // As a stream that nobody has read yet: the next `data` listener starts it, and nothing is lost before.
  Object.assign(socket, { readableFlowing: null });
}

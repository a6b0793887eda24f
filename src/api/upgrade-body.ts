// The body of a request that asks for an upgrade: node:http leaves it on the connection, in front of what the client says when
// the connection is its own. Runs in the daemon. RFC 9110 §7.8, RFC 9112 §6.3

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { invalidArgument } from '../base/errors.ts';

/** Far more than any body that is sent with an upgrade. */
const MOST = 1 << 20;

/**
 * @param head bytes that came after the header
 * @returns the body, and what came behind it
 * @throws invalidArgument when its length is not announced or too large, or the client goes away before it is whole
 */
export async function readUpgradeBody(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<{ body: Buffer; rest: Buffer }> {
  if (request.headers['transfer-encoding'] !== undefined) {
    throw invalidArgument('a request that asks for an upgrade needs a Content-Length for its body');
  }
  const length = Number(request.headers['content-length'] ?? 0);
  if (!(length <= MOST)) throw invalidArgument(`request body is larger than ${MOST} bytes`);
  let bytes = head;
  while (bytes.length < length) bytes = Buffer.concat([bytes, await nextChunk(socket)]);
  return { body: bytes.subarray(0, length), rest: bytes.subarray(length) };
}

function nextChunk(socket: Duplex): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      socket.pause();
      socket.off('data', onData).off('end', onEnd).off('close', onEnd);
      // As a stream that nobody has read yet: the next `data` listener starts it, which one that was paused waits for in vain.
      Object.assign(socket, { readableFlowing: null });
      act();
    };
    const onData = (chunk: Buffer) => settle(() => resolve(chunk));
    const onEnd = () => settle(() => reject(invalidArgument('invalid JSON: got EOF while reading request body')));
    socket.on('data', onData).once('end', onEnd).once('close', onEnd);
    socket.resume();
  });
}

// Splits a multiplexed stream (attach, logs of a container without a tty) into its frames:
// [stream, 0, 0, 0, length (big endian, 4 bytes)] and payload. Runs in the CLI, as the user.
// Engine API, ContainerAttach, "Stream format".

import { PunnetError } from '../base/errors.ts';

export type FrameStream = 'stdin' | 'stdout' | 'stderr' | 'systemerr';

const STREAMS: FrameStream[] = ['stdin', 'stdout', 'stderr', 'systemerr'];

/**
 * Returns a function to feed with chunks; `write` gets every piece of payload at once, also of a frame that is not whole
 * yet. Pieces of one stream that follow each other come as one, for which they are moved together within the chunk.
 * @throws internal when a frame names no known stream.
 */
export function demultiplexer(write: (stream: FrameStream, data: Buffer) => void): (chunk: Buffer) => void {
  const header = Buffer.alloc(8);
  let have = 0;
  let left = 0;
  let stream: FrameStream = 'stdout';
  return (chunk) => {
    let at = 0;
    // Bytes chunk[from…to) are of `stream` and not written yet.
    let from = 0;
    let to = 0;
    const flush = () => {
      if (to > from) write(stream, chunk.subarray(from, to));
    };
    while (at < chunk.length) {
      if (left > 0) {
        const part = Math.min(left, chunk.length - at);
        if (to === from) from = to = at;
        else chunk.copyWithin(to, at, at + part);
        to += part;
        at += part;
        left -= part;
        continue;
      }
      const taken = chunk.copy(header, have, at, at + 8 - have);
      have += taken;
      at += taken;
      if (have < 8) break;
      have = 0;
      left = header.readUInt32BE(4);
      const known = STREAMS[header[0]!];
      if (known !== stream) {
        flush();
        from = to;
      }
      if (known === undefined) throw new PunnetError('internal', `Unrecognized input header: ${header[0]}`);
      stream = known;
    }
    flush();
  };
}

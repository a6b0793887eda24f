// Splits a multiplexed stream (attach, logs of a container without a tty) into its frames:
// [stream, 0, 0, 0, length (big endian, 4 bytes)] and payload. Runs in the CLI, as the user.
// Engine API, ContainerAttach, "Stream format".

import { PunnetError } from '../base/errors.ts';

export type FrameStream = 'stdin' | 'stdout' | 'stderr' | 'systemerr';

const STREAMS: FrameStream[] = ['stdin', 'stdout', 'stderr', 'systemerr'];

/**
 * Returns a function to feed with chunks; `write` gets every piece of payload at once, also of a frame that is not whole
 * yet. @throws internal when a frame names no known stream.
 */
export function demultiplexer(write: (stream: FrameStream, data: Buffer) => void): (chunk: Buffer) => void {
  const header = Buffer.alloc(8);
  let have = 0;
  let left = 0;
  let stream: FrameStream = 'stdout';
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (left > 0) {
        const part = chunk.subarray(at, at + left);
        at += part.length;
        left -= part.length;
        write(stream, part);
        continue;
      }
      const taken = chunk.copy(header, have, at, at + 8 - have);
      have += taken;
      at += taken;
      if (have < 8) return;
      have = 0;
      left = header.readUInt32BE(4);
      const known = STREAMS[header[0]!];
      if (known === undefined) throw new PunnetError('internal', `Unrecognized input header: ${header[0]}`);
      stream = known;
    }
  };
}

// Frames between daemon and shim: one byte type, three zero bytes, length as big-endian u32, payload. Output frames may be
// large and are handed on in the pieces in which they arrive. Runs in the daemon.

import { FRAME_HEADER } from '../../native/shim-protocol.ts';

/** A frame for the shim; integers become big-endian u32. */
export function encodeFrame(type: number, payload: Uint8Array | number[] = []): Buffer {
  const length = Array.isArray(payload) ? payload.length * 4 : payload.length;
  const frame = Buffer.alloc(FRAME_HEADER + length);
  frame[0] = type;
  frame.writeUInt32BE(length, 4);
  if (Array.isArray(payload))
    payload.forEach((value, index) => frame.writeUInt32BE(value >>> 0, FRAME_HEADER + 4 * index));
  else frame.set(payload, FRAME_HEADER);
  return frame;
}

export interface FrameHandlers {
  /** stdout (1) or stderr (2): the bytes as they came, with the frame headers where `framed` */
  output(bytes: Buffer): void;
  /** every other frame, whole */
  control(type: number, payload: Buffer): void;
}

/** Largest payload of a control frame; the longest there is has two integers. */
const MAX_CONTROL = 64;

/** Splits a stream of frames. `framed`: output keeps its headers (Docker's multiplexed stream), else it is bare bytes (a tty). */
export class FrameDecoder {
  readonly #handlers: FrameHandlers;
  readonly #framed: boolean;
  /** bytes of the current output frame that are still to come */
  #left = 0;
  /** an incomplete header or control frame */
  #rest: Buffer = Buffer.alloc(0);

  constructor(handlers: FrameHandlers, framed: boolean) {
    this.#handlers = handlers;
    this.#framed = framed;
  }

  /** @throws Error when the bytes are no frames */
  push(chunk: Buffer): void {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = Buffer.alloc(0);
    // Bytes data[from…at) are output that goes out as one piece.
    let from = 0;
    let at = 0;
    const flush = () => {
      if (at > from) this.#handlers.output(data.subarray(from, at));
    };
    while (at < data.length) {
      if (this.#left > 0) {
        const take = Math.min(this.#left, data.length - at);
        this.#left -= take;
        at += take;
        continue;
      }
      if (data.length - at < FRAME_HEADER) break;
      const type = data[at]!;
      const length = data.readUInt32BE(at + 4);
      if (type === 1 || type === 2) {
        this.#left = length;
        if (this.#framed) {
          at += FRAME_HEADER;
        } else {
          flush();
          at += FRAME_HEADER;
          from = at;
        }
        continue;
      }
      if (length > MAX_CONTROL) throw new Error(`shim sent a frame of type ${type} and ${length} bytes`);
      if (data.length - at < FRAME_HEADER + length) break;
      flush();
      this.#handlers.control(type, data.subarray(at + FRAME_HEADER, at + FRAME_HEADER + length));
      at += FRAME_HEADER + length;
      from = at;
    }
    flush();
    data = data.subarray(at);
    if (data.length > 0) this.#rest = Buffer.from(data);
  }
}

// Lines of the json-file log → what a client of its stream gets, frames or bare bytes. A log of a gigabyte has ten million lines:
// so the lines that a shim writes are taken apart where they stand, byte by byte, with no object for each. Any other JSON is the
// caller's. Pure; runs in the daemon. moby: daemon/logger/jsonfilelog/jsonlog; Engine API, ContainerAttach, "Stream format"

const NEWLINE = 10;
const QUOTE = 34;
const BACKSLASH = 92;
const LETTER_N = 110;
const HEADER = 8;

const BEFORE_LOG = Buffer.from('{"log":"');
const BEFORE_STREAM = Buffer.from('","stream":"std');
const STREAMS = { stdout: Buffer.from('out'), stderr: Buffer.from('err') };
const BEFORE_TIME = Buffer.from('","time":"');
const AFTER_TIME = Buffer.from('"}\n');
/** no time is longer */
const LONGEST_TIME = 35;

/** What JSON has after a backslash, but for `u`. */
const ESCAPES = new Map(
  [...'nrtbf"\\/'].map((letter, index) => [letter.charCodeAt(0), '\n\r\t\b\f"\\/'.charCodeAt(index)]),
);

export interface Wanted {
  stdout: boolean;
  stderr: boolean;
  /** false: bare bytes */
  framed: boolean;
}

/**
 * Translates whole lines.
 * @param other makes the piece of a line that is not as a shim writes it; undefined leaves it out
 */
export function translateLines(lines: Buffer, wanted: Wanted, other: (line: Buffer) => Buffer | undefined): Buffer[] {
  const pieces: Buffer[] = [];
  const translation = new Translation(lines, wanted);
  while (translation.at < lines.length) {
    if (translation.step()) continue;
    const newline = lines.indexOf(NEWLINE, translation.at);
    const piece = other(lines.subarray(translation.at, newline));
    translation.at = newline + 1;
    pieces.push(translation.take());
    if (piece !== undefined) pieces.push(piece);
  }
  pieces.push(translation.take());
  return pieces.filter(({ length }) => length > 0);
}

class Translation {
  /** where the next line begins */
  at = 0;
  readonly #lines: Buffer;
  readonly #wanted: Wanted;
  /** A line is longer than its frame. */
  readonly #target: Buffer;
  #taken = 0;
  #end = 0;

  constructor(lines: Buffer, wanted: Wanted) {
    this.#lines = lines;
    this.#wanted = wanted;
    this.#target = Buffer.allocUnsafe(lines.length);
  }

  /** What was made since the last call. */
  take(): Buffer {
    const piece = this.#target.subarray(this.#taken, this.#end);
    this.#taken = this.#end;
    return piece;
  }

  /** Translates one line; false: it is not as a shim writes it, and nothing was done. */
  step(): boolean {
    const lines = this.#lines;
    const target = this.#target;
    if (!has(lines, this.at, BEFORE_LOG)) return false;
    const start = this.#wanted.framed ? this.#end + HEADER : this.#end;
    let to = start;
    let at = this.at + BEFORE_LOG.length;
    // Most lines have no other escape than that of their newline.
    const escape = lines.indexOf(BACKSLASH, at);
    if (lines[escape + 1] === LETTER_N && lines.indexOf(QUOTE, at) === escape + 2) {
      to += lines.copy(target, to, at, escape);
      target[to++] = NEWLINE;
      at = escape + 2;
    }
    for (let byte = lines[at]!; byte !== QUOTE; byte = lines[at]!) {
      if (byte === BACKSLASH) {
        const escaped = unescape(lines, at);
        if (escaped === undefined) return false;
        if (escaped.code < 0x80) target[to++] = escaped.code;
        else to += target.write(String.fromCharCode(escaped.code), to);
        at += escaped.length;
      } else {
        if (byte === NEWLINE) return false;
        target[to++] = byte;
        at++;
      }
    }
    if (!has(lines, at, BEFORE_STREAM)) return false;
    at += BEFORE_STREAM.length;
    const isOut = has(lines, at, STREAMS.stdout);
    if (!isOut && !has(lines, at, STREAMS.stderr)) return false;
    at += STREAMS.stdout.length;
    if (!has(lines, at, BEFORE_TIME)) return false;
    at += BEFORE_TIME.length;
    const latest = at + LONGEST_TIME;
    while (at < latest && lines[at] !== QUOTE) at++;
    if (!has(lines, at, AFTER_TIME)) return false;
    this.at = at + AFTER_TIME.length;
    if (!(isOut ? this.#wanted.stdout : this.#wanted.stderr)) return true;
    if (this.#wanted.framed) writeHeader(target, this.#end, { stream: isOut ? 1 : 2, length: to - start });
    this.#end = to;
    return true;
  }
}

function writeHeader(target: Buffer, at: number, { stream, length }: { stream: number; length: number }): void {
  target[at] = stream;
  target[at + 1] = target[at + 2] = target[at + 3] = 0;
  target[at + 4] = length >>> 24;
  target[at + 5] = length >>> 16;
  target[at + 6] = length >>> 8;
  target[at + 7] = length;
}

function has(bytes: Buffer, at: number, text: Buffer): boolean {
  for (let index = 0; index < text.length; index++) {
    if (bytes[at + index] !== text[index]) return false;
  }
  return true;
}

const NEWLINE_ESCAPED = { code: NEWLINE, length: 2 };

/** The character of the escape at `at`, and the escape's length; undefined for halves of a pair and for what is none. */
function unescape(bytes: Buffer, at: number): { code: number; length: number } | undefined {
  if (bytes[at + 1] === LETTER_N) return NEWLINE_ESCAPED;
  const letter = bytes[at + 1]!;
  const code = ESCAPES.get(letter);
  if (code !== undefined) return { code, length: 2 };
  const digits = bytes.toString('latin1', at + 1, at + 6);
  if (!/^u[0-9a-f]{4}$/i.test(digits)) return undefined;
  const unit = parseInt(digits.slice(1), 16);
  return unit >= 0xd800 && unit < 0xe000 ? undefined : { code: unit, length: 6 };
}

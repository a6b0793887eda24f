// One 512-byte tar header as numbers and binary strings: V7, ustar, GNU and star's variant. Pure functions; a block that is
// not a header is an error, never a guess. tar(5), POSIX pax "ustar Interchange Format", GNU tar "Basic Tar Format".

import { invalidArgument } from '../../base/errors.ts';

export const BLOCK = 512;
const SPACE = 0x20;

export interface Header {
  name: string;
  mode: number;
  uid: number;
  gid: number;
  /** stored bytes that follow */
  size: number;
  /** seconds */
  mtime: number;
  /** type flag, one character; NUL of old archives is '0' */
  type: string;
  linkname: string;
}

/** True when the block holds zeros alone (two such end an archive). */
export function isZero(block: Buffer): boolean {
  for (let i = 0; i < BLOCK; i++) if (block[i] !== 0) return false;
  return true;
}

/** Bytes up to the first NUL, as a binary string. */
export function text(block: Buffer, start: number, length: number): string {
  const end = block.indexOf(0, start);
  return block.toString('latin1', start, end < 0 || end > start + length ? start + length : end);
}

/**
 * A number field: octal digits, or base 256 when the first bit is set (GNU, star).
 * @throws invalidArgument when it is neither, or does not fit 53 bits.
 */
export function number(block: Buffer, start: number, length: number): number {
  const first = block[start]!;
  if (first & 0x80) {
    const negative = (first & 0x40) !== 0;
    let value = BigInt(negative ? first | ~0x7f : first & 0x3f);
    for (let i = start + 1; i < start + length; i++) value = (value << 8n) | BigInt(block[i]!);
    return safe(value);
  }
  let at = start;
  const end = start + length;
  while (at < end && block[at] === SPACE) at++;
  let value = 0;
  for (; at < end; at++) {
    const byte = block[at]!;
    if (byte === 0 || byte === SPACE) break;
    const digit = byte - 0x30;
    if (digit < 0 || digit > 7) {
      throw invalidArgument(`tar header: ${JSON.stringify(text(block, start, length))} is not an octal number`);
    }
    value = value * 8 + digit;
  }
  return value;
}

function safe(value: bigint): number {
  const result = Number(value);
  if (!Number.isSafeInteger(result)) throw invalidArgument(`tar header: number ${value} is out of range`);
  return result;
}

/**
 * Parses a header block.
 * @throws invalidArgument when the checksum is wrong or a field is malformed.
 */
export function parseHeader(block: Buffer): Header {
  verifyChecksum(block);
  const type = block[156] === 0 ? '0' : String.fromCharCode(block[156]!);
  const magic = block.toString('latin1', 257, 265);
  const size = number(block, 124, 12);
  if (size < 0) throw invalidArgument(`tar header: negative size ${size}`);
  let name = text(block, 0, 100);
  // Only POSIX archives have a prefix; GNU ("ustar  ") keeps times and sparse maps in those bytes.
  if (magic.startsWith('ustar\0')) {
    const star = block.toString('latin1', 508, 512) === 'tar\0';
    const prefix = text(block, 345, star ? 131 : 155);
    if (prefix) name = `${prefix}/${name}`;
  }
  return {
    name,
    mode: number(block, 100, 8) & 0o7777,
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    size,
    mtime: number(block, 136, 12),
    type,
    linkname: text(block, 157, 100),
  };
}

/** Sums with the checksum field as blanks; some old archivers summed signed bytes. */
function verifyChecksum(block: Buffer): void {
  let unsigned = 8 * 0x20;
  let signed = unsigned;
  for (let i = 0; i < BLOCK; i++) {
    if (i >= 148 && i < 156) continue;
    const byte = block[i]!;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const found = number(block, 148, 8);
  if (found !== unsigned && found !== signed) {
    throw invalidArgument(`tar header: checksum is ${found}, expected ${unsigned}`);
  }
}

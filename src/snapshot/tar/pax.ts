// PAX extended headers: `<length> <key>=<value>\n` records. Values are bytes (a file capability may hold a newline), so the
// length, never the newline, ends a record. Pure functions. POSIX pax(1) "pax Extended Header".

import { invalidArgument } from '../../base/errors.ts';

/** Extended headers, long names and sparse maps larger than this are refused, as Go's archive/tar does. */
export const MAX_META = 1 << 20;

export interface PaxRecords {
  /** Last value of each key. */
  values: Map<string, Buffer>;
  /** GNU.sparse.offset and GNU.sparse.numbytes in order, which sparse format 0.0 repeats. */
  sparse: number[];
}

/** @throws invalidArgument when a record is malformed. */
export function parsePax(data: Buffer): PaxRecords {
  const values = new Map<string, Buffer>();
  const sparse: number[] = [];
  let at = 0;
  while (at < data.length) {
    // Some writers pad with NULs to the end of the block and count them in.
    if (data[at] === 0) break;
    const space = data.indexOf(0x20, at);
    const digits = space < 0 ? '' : data.toString('latin1', at, Math.min(space, at + 20));
    const length = /^[0-9]{1,15}$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    const equals = data.indexOf(0x3d, space + 1);
    if (
      length < 5 ||
      end > data.length ||
      data[end - 1] !== 0x0a ||
      equals < 0 ||
      equals >= end ||
      equals === space + 1
    ) {
      throw invalidArgument(`tar: malformed PAX record at byte ${at}`);
    }
    const key = data.toString('latin1', space + 1, equals);
    const value = data.subarray(equals + 1, end - 1);
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') sparse.push(decimal(key, value));
    else values.set(key, Buffer.from(value));
    at = end;
  }
  return { values, sparse };
}

/** A non-negative decimal of at most 53 bits. */
export function decimal(key: string, value: Buffer | string): number {
  const digits = typeof value === 'string' ? value : value.toString('latin1');
  const result = Number(digits);
  if (!/^[0-9]{1,16}$/.test(digits) || !Number.isSafeInteger(result)) {
    throw invalidArgument(`tar: PAX ${key} is not a number: ${JSON.stringify(digits.slice(0, 40))}`);
  }
  return result;
}

/** A PAX time (`-1.5`, `1700000000.123456789`) in nanoseconds. Digits after the ninth are dropped. */
export function paxTime(key: string, value: Buffer): bigint {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]{0,30}))?$/.exec(value.toString('latin1'));
  if (!match)
    throw invalidArgument(`tar: PAX ${key} is not a time: ${JSON.stringify(value.toString('latin1', 0, 40))}`);
  const nanoseconds = BigInt(match[2]!) * 1_000_000_000n + BigInt((match[3] ?? '').slice(0, 9).padEnd(9, '0'));
  return match[1] ? -nanoseconds : nanoseconds;
}

/** A name from PAX as a binary string. @throws invalidArgument when it holds a NUL, which no file name can. */
export function paxName(key: string, value: Buffer): string {
  if (value.includes(0)) throw invalidArgument(`tar: PAX ${key} holds a NUL`);
  return value.toString('latin1');
}

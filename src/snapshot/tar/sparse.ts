// Sparse files in tar: GNU's old format ('S'), and PAX formats 0.0, 0.1 and 1.0. All end as a list of Segments that is
// checked once: ascending, inside the file, and as long as what is stored. Pure functions. GNU tar manual, "Sparse Formats".

import { invalidArgument } from '../../base/errors.ts';
import type { Segment } from './entry.ts';
import { BLOCK, number } from './header.ts';
import { decimal, MAX_META, type PaxRecords } from './pax.ts';

const MAX_SEGMENTS = MAX_META / 16;

/** Reads `count` pairs of 12-byte numbers; a zero field ends them. */
export function gnuSegments(block: Buffer, start: number, count: number): Segment[] {
  const segments: Segment[] = [];
  for (let i = 0; i < count; i++) {
    const at = start + i * 24;
    if (block[at] === 0 || block[at + 12] === 0) break;
    segments.push({ offset: number(block, at, 12), length: number(block, at + 12, 12) });
  }
  return segments;
}

/** Fields of an old GNU sparse header: its first segments, the length of the file, and whether more blocks follow. */
export function gnuHeader(block: Buffer): { segments: Segment[]; realSize: number; more: boolean } {
  return { segments: gnuSegments(block, 386, 4), realSize: number(block, 483, 12), more: block[482] !== 0 };
}

/** An extension block: 21 more segments. */
export function gnuExtension(block: Buffer): { segments: Segment[]; more: boolean } {
  return { segments: gnuSegments(block, 0, 21), more: block[504] !== 0 };
}

/** What PAX records say about sparseness: a map, or that the map opens the data (format 1.0). Undefined: not sparse. */
export function paxSparse({
  values,
  sparse,
}: PaxRecords): { realSize: number; map: Segment[] | 'in-data' } | undefined {
  const size = values.get('GNU.sparse.realsize') ?? values.get('GNU.sparse.size');
  if (size === undefined) return undefined;
  const realSize = decimal('GNU.sparse.size', size);
  const major = values.get('GNU.sparse.major')?.toString('latin1');
  if (major === '1') return { realSize, map: 'in-data' };
  const map = values.get('GNU.sparse.map');
  const numbers = map?.length
    ? map
        .toString('latin1')
        .split(',')
        .map((digits) => decimal('GNU.sparse.map', digits))
    : sparse;
  if (numbers.length % 2) throw invalidArgument('tar: sparse map has an odd number of fields');
  return { realSize, map: pairs(numbers) };
}

/** The map that opens the data in format 1.0: a count, then pairs, one decimal per line, padded to a block. */
export class InDataMap {
  #line = '';
  #numbers: number[] = [];
  #wanted = 1;

  /** Takes one block; true when the map is complete. @throws invalidArgument when it is malformed or too large. */
  push(block: Buffer): boolean {
    const lines = (this.#line + block.toString('latin1', 0, BLOCK)).split('\n');
    this.#line = lines.pop()!;
    for (const line of lines) {
      if (this.#numbers.length === this.#wanted) break;
      this.#numbers.push(decimal('sparse map', line));
      if (this.#numbers.length === 1) {
        if (this.#numbers[0]! > MAX_SEGMENTS) throw invalidArgument('tar: sparse map is too large');
        this.#wanted = 1 + 2 * this.#numbers[0]!;
      }
    }
    if (this.#numbers.length === this.#wanted) return true;
    if (this.#line.length > 16) throw invalidArgument('tar: malformed sparse map');
    return false;
  }

  get segments(): Segment[] {
    return pairs(this.#numbers.slice(1));
  }
}

/** @throws invalidArgument unless segments ascend inside `realSize` and hold exactly `stored` bytes. */
export function checkSegments(segments: Segment[], realSize: number, stored: number): void {
  if (segments.length > MAX_SEGMENTS) throw invalidArgument('tar: sparse map is too large');
  let position = 0;
  let total = 0;
  for (const { offset, length } of segments) {
    if (offset < position || length < 0) throw invalidArgument('tar: segments of a sparse file overlap');
    position = offset + length;
    total += length;
  }
  if (position > realSize) throw invalidArgument('tar: a sparse segment lies behind the end of its file');
  if (total !== stored) throw invalidArgument(`tar: a sparse map holds ${total} bytes, but ${stored} are stored`);
}

function pairs(numbers: number[]): Segment[] {
  const segments: Segment[] = [];
  for (let i = 0; i < numbers.length; i += 2) segments.push({ offset: numbers[i]!, length: numbers[i + 1]! });
  return segments;
}

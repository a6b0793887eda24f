// `0-2,7`, as cpuset and taskset write sets of processors and memory nodes → a bit mask. Pure. cpuset(7) "List format"

import { invalidArgument } from '../base/errors.ts';

/** More than any machine has, so that a typing mistake does not become a mask of a gigabyte. */
const MOST = 65_536;

/**
 * A bit for each number, lowest first.
 * @param field what the error says is wrong
 * @param width the mask's length is a multiple of this many bytes
 * @throws invalidArgument
 */
export function parseList(text: string, { field, width }: { field: string; width: number }): Uint8Array {
  const numbers: number[] = [];
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue;
    const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? [];
    if (from === undefined || Number(from) > Number(to) || Number(to) >= MOST) {
      throw invalidArgument(`${field}: ${JSON.stringify(text)} is no list of numbers and ranges, such as 0-2,7`);
    }
    for (let n = Number(from); n <= Number(to); n++) numbers.push(n);
  }
  const highest = numbers.reduce((most, n) => Math.max(most, n), -1);
  const mask = new Uint8Array(Math.ceil((highest + 1) / 8 / width) * width);
  for (const n of numbers) mask[n >> 3]! |= 1 << (n & 7);
  return mask;
}

// Which host ids a punnet environment may use, and how they appear inside: pure policy. A user's own id becomes 0 and the
// subordinate ranges follow from 1 on; root never maps itself, but a range that belongs to nobody.
// subuid(5), subgid(5), user_namespaces(7) "Defining user and group ID mappings".

import { unavailable } from '../base/errors.ts';

/** `count` ids from `start` on. */
export interface IdRange {
  start: number;
  count: number;
}

/** One line of /proc/PID/uid_map or gid_map. */
export interface MapLine {
  inside: number;
  outside: number;
  count: number;
}

export interface IdMaps {
  uid: MapLine[];
  gid: MapLine[];
}

/** uid_t is 32 bits wide and its last value means "no id". */
const LIMIT = 0xffff_ffff;
/** What images may use: 0…65535. */
export const WANTED = 65_536;
/** SUB_UID_MIN of shadow: ids below it belong to accounts. */
const FIRST_SUBORDINATE = 100_000;

/** The lines of /etc/subuid or /etc/subgid that name the owner, by name or by number; malformed lines count for nobody. */
export function parseSubIds(text: string, owner: { name?: string; uid: number }): IdRange[] {
  return subIdLines(text)
    .filter((line) => line.owner === owner.name || line.owner === String(owner.uid))
    .map(({ start, count }) => ({ start, count }));
}

/** Every range that the file hands out, whoever has it. */
export function allSubIds(text: string): IdRange[] {
  return subIdLines(text).map(({ start, count }) => ({ start, count }));
}

function subIdLines(text: string): (IdRange & { owner: string })[] {
  return text.split('\n').flatMap((line) => {
    const match = /^([^:#]+):(\d{1,10}):(\d{1,10})$/.exec(line.trim());
    if (!match) return [];
    const [start, count] = [Number(match[2]), Number(match[3])];
    return count > 0 && start + count <= LIMIT ? [{ owner: match[1]!, start, count }] : [];
  });
}

/** Lines of /proc/PID/uid_map. */
export function parseIdMap(text: string): MapLine[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [inside, outside, count] = line.trim().split(/\s+/).map(Number);
      return { inside: inside!, outside: outside!, count: count! };
    });
}

/** The text that the kernel takes in uid_map. */
export function formatIdMap(map: MapLine[]): string {
  return map.map((line) => `${line.inside} ${line.outside} ${line.count}\n`).join('');
}

/** 0 ↔ the user's own id, 1… ↔ the ranges in the order of the file; what overlaps an earlier range is left out. */
export function mapOfUser(own: number, ranges: IdRange[]): MapLine[] {
  const map: MapLine[] = [{ inside: 0, outside: own, count: 1 }];
  let inside = 1;
  for (const range of ranges) {
    const pieces = subtract(
      range,
      map.map((line) => ({ start: line.outside, count: line.count })),
    );
    for (const piece of pieces) {
      map.push({ inside, outside: piece.start, count: piece.count });
      inside += piece.count;
    }
  }
  return map;
}

/** How many ids a map has. */
export function sizeOf(map: MapLine[]): number {
  return map.reduce((sum, line) => sum + line.count, 0);
}

/** The id that `id` inside is outside, or undefined where it is not mapped. */
export function outsideId(map: MapLine[], id: number): number | undefined {
  const line = map.find(({ inside, count }) => id >= inside && id < inside + count);
  return line && line.outside + id - line.inside;
}

/**
 * The first 65536 consecutive ids, from 100000 up, that are in nobody's range and within one line of our own map.
 * @param taken ranges of /etc/subuid and /etc/subgid, and ids of accounts
 * @param own our /proc/self/uid_map, whose inside ids are the ones that we can name
 * @throws unavailable when there is no such range
 */
export function freeRange(taken: IdRange[], own: MapLine[]): IdRange {
  for (const { inside, count } of [...own].sort((a, b) => a.inside - b.inside)) {
    const start = Math.max(inside, FIRST_SUBORDINATE);
    const end = Math.min(inside + count, LIMIT);
    if (end - start < WANTED) continue;
    const piece = subtract({ start, count: end - start }, taken).find((free) => free.count >= WANTED);
    if (piece) return { start: piece.start, count: WANTED };
  }
  throw unavailable(`no ${WANTED} free subordinate ids from ${FIRST_SUBORDINATE} up in this user namespace`, {
    fix: 'run punnet as an unprivileged user, or give this user namespace more ids',
  });
}

/** What remains of `range` without `holes`, in order. */
function subtract(range: IdRange, holes: IdRange[]): IdRange[] {
  let pieces = [range];
  for (const hole of holes) {
    pieces = pieces.flatMap(({ start, count }) =>
      [
        { start, count: Math.min(start + count, hole.start) - start },
        {
          start: Math.max(start, hole.start + hole.count),
          count: start + count - Math.max(start, hole.start + hole.count),
        },
      ].filter((piece) => piece.count > 0),
    );
  }
  return pieces;
}

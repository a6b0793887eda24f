// Started as root, punnet does not run as root: it maps to a subordinate range that belongs to nobody. The range is
// recorded where useradd looks before it gives one to a new account, in /etc/subuid and /etc/subgid, under the name
// `punnet`: so it is stable, and files of containers never become some user's. Runs in the launcher, as root. subuid(5)

import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, unavailable } from '../base/errors.ts';
import { readIfThere } from './account.ts';
import { allSubIds, freeRange, parseIdMap, parseSubIds, WANTED, type IdMaps, type IdRange } from './id-map.ts';

const OWNER = 'punnet';

/**
 * The maps of an environment that root starts: 0…65535 ↔ the recorded range, recorded now if there is none.
 * @param root where etc and proc are looked for
 * @throws unavailable when no range is free, or the files cannot be written
 */
export function mapsOfRoot(root = '/'): IdMaps {
  const range = recordedRange(root) ?? recordRange(root);
  const map = [{ inside: 0, outside: range.start, count: WANTED }];
  return { uid: map, gid: map };
}

/**
 * The range that root gets or would get; nothing is recorded.
 * @throws unavailable when no range is free
 */
export function plannedRange(root = '/'): IdRange {
  return recordedRange(root) ?? findRange(root);
}

/** The range that both files record for punnet, the same in both. */
export function recordedRange(root = '/'): IdRange | undefined {
  const of = (file: string) => parseSubIds(readIfThere(join(root, 'etc', file)), { name: OWNER, uid: -1 });
  const gids = of('subgid');
  return of('subuid').find(({ start, count }) => count >= WANTED && gids.some((gid) => gid.start === start));
}

function recordRange(root: string): IdRange {
  const files = ['subuid', 'subgid'].map((file) => join(root, 'etc', file));
  const unlock = files.map(lockAsShadowDoes);
  try {
    const range = findRange(root);
    for (const file of files) append(file, `${OWNER}:${range.start}:${range.count}\n`);
    return range;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    throw unavailable(`record a subordinate range in ${files.join(' and ')}: ${errnoOf(error)}`, {
      cause: error,
      fix: `add the line ${OWNER}:START:${WANTED} to both files`,
    });
  } finally {
    for (const one of unlock) one();
  }
}

function findRange(root: string): IdRange {
  const given = ['subuid', 'subgid'].flatMap((file) => allSubIds(readIfThere(join(root, 'etc', file))));
  return freeRange([...given, ...accountIds(root)], parseIdMap(readFileSync(join(root, 'proc/self/uid_map'), 'utf8')));
}

/** An account may have an id inside what looks free. passwd(5), group(5): the third field. */
function accountIds(root: string): IdRange[] {
  return ['passwd', 'group'].flatMap((file) =>
    readIfThere(join(root, 'etc', file))
      .split('\n')
      .map((line) => Number(line.split(':')[2] || Number.NaN))
      .filter((id) => Number.isInteger(id))
      .map((id) => ({ start: id, count: 1 })),
  );
}

/** shadow's own lock, /etc/subuid.lock with a pid in it, so that useradd waits for us and we for it. lckpwdf(3) */
function lockAsShadowDoes(file: string): () => void {
  const lock = `${file}.lock`;
  for (let attempt = 0; ; attempt++) {
    try {
      const fd = openSync(lock, 'wx', 0o600);
      writeFileSync(fd, String(process.pid));
      closeSync(fd);
      return () => rmSync(lock, { force: true });
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') {
        throw unavailable(`lock ${file}: ${errnoOf(error)}`, {
          cause: error,
          fix: `add the line ${OWNER}:START:${WANTED} to /etc/subuid and /etc/subgid`,
        });
      }
      if (attempt === 150) throw unavailable(`${lock} has been there for 15 s`, { fix: `rm ${lock}` });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
  }
}

function append(file: string, line: string): void {
  const before = readIfThere(file);
  const mode = before === '' ? 0o644 : statSync(file).mode & 0o777;
  const text = before === '' || before.endsWith('\n') ? before : `${before}\n`;
  writeFileSync(`${file}.punnet`, text + line, { mode });
  renameSync(`${file}.punnet`, file);
}

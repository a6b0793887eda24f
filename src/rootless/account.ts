// Who starts punnet: account name, ids, and the ranges that /etc/subuid and /etc/subgid give it. Runs in the launcher,
// outside the namespaces, as the user. subuid(5), getsubids(1); `root` is where /etc is looked for, for tests and doctor.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import { parseSubIds, type IdRange } from './id-map.ts';

export interface Account {
  uid: number;
  gid: number;
  /** undefined for a uid without an entry in the account database */
  name: string | undefined;
  asRoot: boolean;
}

/** The account of this process. */
export function thisAccount(): Account {
  const uid = process.getuid!();
  let name: string | undefined;
  try {
    name = userInfo().username;
  } catch {
    name = undefined; // ENOENT: ids without an account are legal, and common in containers
  }
  return { uid, gid: process.getgid!(), name, asRoot: uid === 0 };
}

export interface SubordinateIds {
  uid: IdRange[];
  gid: IdRange[];
}

/** The account's subordinate ranges, from the files, else from the name service that getsubids asks. */
export function subordinateIds(account: Pick<Account, 'uid' | 'name'>, root = '/'): SubordinateIds {
  const of = (file: string) => parseSubIds(readIfThere(join(root, 'etc', file)), account);
  const found = { uid: of('subuid'), gid: of('subgid') };
  if (root !== '/' || found.uid.length > 0 || found.gid.length > 0) return found;
  return { uid: fromNameService(account, []), gid: fromNameService(account, ['-g']) };
}

/** getsubids prints `0: alice 100000 65536`; it matters only where nsswitch.conf has a `subid:` line. */
function fromNameService(account: Pick<Account, 'uid' | 'name'>, flags: string[]): IdRange[] {
  if (!/^subid:/m.test(readIfThere('/etc/nsswitch.conf'))) return [];
  try {
    const text = execFileSync('getsubids', [...flags, account.name ?? String(account.uid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return [...text.matchAll(/^\d+: \S+ (\d+) (\d+)$/gm)].map((m) => ({ start: Number(m[1]), count: Number(m[2]) }));
  } catch {
    return []; // not installed, or it knows no range: the same to us as an empty file
  }
}

/** The file's text, or '' where there is none. */
export function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return '';
    throw error;
  }
}

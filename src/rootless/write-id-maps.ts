// Gives a new user namespace its ids. Runs in the launcher, outside the namespace, as the user: newuidmap and newgidmap
// (setuid root) write the maps that /etc/subuid and /etc/subgid allow; as root the launcher writes them itself.
// newuidmap(1), user_namespaces(7)

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { errnoOf, messageOf, unavailable } from '../base/errors.ts';
import type { Account } from './account.ts';
import { formatIdMap, type IdMaps, type MapLine } from './id-map.ts';

/**
 * Writes both maps of the user namespace of process `pid`, whose maps are still empty.
 * @throws unavailable with what newuidmap said
 */
export function writeIdMaps(pid: number, maps: IdMaps, account: Account): void {
  for (const kind of ['uid', 'gid'] as const) {
    if (account.asRoot) writeDirectly(pid, kind, maps[kind]);
    else runMapper(pid, kind, maps[kind]);
  }
}

function writeDirectly(pid: number, kind: 'uid' | 'gid', map: MapLine[]): void {
  const path = `/proc/${pid}/${kind}_map`;
  try {
    writeFileSync(path, formatIdMap(map));
  } catch (error) {
    throw unavailable(`write ${path}: ${errnoOf(error)}`, {
      cause: error,
      fix: 'give this root user CAP_SETUID and CAP_SETGID, or run punnet as an unprivileged user',
    });
  }
}

function runMapper(pid: number, kind: 'uid' | 'gid', map: MapLine[]): void {
  const program = `new${kind}map`;
  const numbers = map.flatMap((line) => [line.inside, line.outside, line.count]).map(String);
  try {
    execFileSync(program, [String(pid), ...numbers], { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      throw unavailable(`${program}: not found in PATH; it gives a user namespace its ids`, {
        cause: error,
        fix: 'sudo apt-get install -y uidmap',
      });
    }
    const said = (error as { stderr?: string }).stderr?.trim() || messageOf(error);
    throw unavailable(`${program} ${pid} ${numbers.join(' ')}: ${said}`, { cause: error, fix: 'punnet doctor' });
  }
}

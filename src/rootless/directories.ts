// Makes the data and the runtime directory and refuses them where they are not ours alone. Runs in the launcher, outside
// the namespaces, as the user; started as root it hands them to the mapped root, since the daemon is nobody to the host's.

import { chmodSync, chownSync, lstatSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, unavailable } from '../base/errors.ts';
import type { Locations } from '../base/locations.ts';

export interface Owner {
  uid: number;
  gid: number;
}

/** sockaddr_un holds 108 bytes with the NUL; the longest name below the runtime directory is shim/<32 hex digits>.sock */
export const LONGEST_RUN = 107 - '/shim/0123456789abcdef0123456789abcdef.sock'.length;

/**
 * Makes both directories, mode 0700, owned by `owner` (outside ids).
 * @throws unavailable naming the directory, what is wrong with it and how to mend it
 */
export function makeDirectories(locations: Locations, owner: Owner, asRoot: boolean): void {
  const bytes = Buffer.byteLength(locations.run);
  if (bytes > LONGEST_RUN) {
    throw unavailable(`runtime directory ${locations.run}: ${bytes} bytes, sockets in it would exceed 107 (unix(7))`, {
      fix: `PUNNET_RUN=/tmp/punnet-${owner.uid}`,
    });
  }
  if (Buffer.byteLength(locations.socket) > 107) {
    throw unavailable(`socket ${locations.socket}: longer than 107 bytes (unix(7))`, {
      fix: 'PUNNET_HOST=unix://SOCKET',
    });
  }
  own(locations.run, owner, 'PUNNET_RUN');
  own(locations.root, owner, 'PUNNET_ROOT');
  if (asRoot) {
    reachable(locations.root, 'PUNNET_ROOT');
    reachable(locations.run, 'PUNNET_RUN');
  }
}

function own(path: string, owner: Owner, variable: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    try {
      mkdirSync(path, { mode: 0o700 });
      chownSync(path, owner.uid, owner.gid);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  } catch (error) {
    throw unavailable(`make directory ${path}: ${errnoOf(error)}`, {
      cause: error,
      fix: `choose a writable one: ${variable}=DIR`,
    });
  }
  // lstat and owner: in /tmp anyone can be first with this name (CWE-379)
  const found = lstatSync(path);
  if (!found.isDirectory()) throw unavailable(`${path} is not a directory`, { fix: `${variable}=DIR` });
  if (found.uid !== owner.uid) {
    throw unavailable(`directory ${path} belongs to uid ${found.uid}, not to ${owner.uid}`, {
      fix: `choose another one: ${variable}=DIR`,
    });
  }
  if (found.mode & 0o022) chmodSync(path, 0o700);
}

/** The mapped root is no one special on the host: every directory above must let it through. */
function reachable(path: string, variable: string): void {
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    if (!(statSync(parent).mode & 0o001)) {
      throw unavailable(`${path}: the mapped root user cannot pass through ${parent}`, {
        fix: `chmod o+x ${parent}, or choose another place: ${variable}=DIR`,
      });
    }
    if (parent === '/') return;
  }
}

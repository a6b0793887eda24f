// What a plan depends on and only the host knows, read once per daemon. Runs in the daemon (or punnet-runc), inside its user
// namespace. proc(5), user_namespaces(7)

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { release } from 'node:os';
import type { IdMapping } from '../base/oci-runtime.ts';

export interface HostFacts {
  /** /proc/self/uid_map and gid_map: the ids that containers can have */
  uidMap: IdMapping[];
  gidMap: IdMapping[];
  /** the daemon's own: a container's cannot be lower */
  oomScoreAdj: number;
  /** `6.1` */
  kernel: string;
  /** Node's spelling: x64, arm64 */
  arch: string;
  /** the host has /dev/mqueue */
  mqueue: boolean;
  /** device files that --privileged passes on */
  devices: string[];
}

/** Reads them now. @throws the errno of a missing /proc */
export function readHostFacts(): HostFacts {
  return {
    uidMap: parseIdMap(readFileSync('/proc/self/uid_map', 'utf8')),
    gidMap: parseIdMap(readFileSync('/proc/self/gid_map', 'utf8')),
    oomScoreAdj: Number(readFileSync('/proc/self/oom_score_adj', 'utf8')),
    kernel: /^\d+\.\d+/.exec(release())?.[0] ?? '0.0',
    arch: process.arch,
    mqueue: existsSync('/dev/mqueue'),
    devices: deviceFiles('/dev'),
  };
}

/** `         0       1001          1\n…` */
export function parseIdMap(text: string): IdMapping[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [containerID = 0, hostID = 0, size = 0] = line.trim().split(/\s+/).map(Number);
      return { containerID, hostID, size };
    });
}

/* Directories with a life of their own in every container, and terminals, which belong to sessions of the host. */
const SKIPPED = /^(pts|shm|mqueue|fd|hugepages|\.udev|\.lxc|\.lxd-mounts|lxcfs|console|ptmx|tty.*|vcs.*)$/;

function deviceFiles(directory: string): string[] {
  const found: string[] = [];
  let entries;
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch {
    return found; // A directory that we may not read holds nothing that we may pass on.
  }
  for (const entry of entries) {
    const path = `${directory}/${entry.name}`;
    if (SKIPPED.test(entry.name)) continue;
    if (entry.isDirectory()) found.push(...deviceFiles(path));
    else if ((entry.isCharacterDevice() || entry.isBlockDevice()) && isMine(path)) found.push(path);
  }
  return found.sort();
}

function isMine(path: string): boolean {
  try {
    return statSync(path).rdev !== 0;
  } catch {
    return false; // gone since it was listed
  }
}

// The directories and files that mounts need under them. Made by path with the container's root as `/`, while proc has no links
// to follow: so a link of the image can lead nowhere but into the container (no /proc/self/fd, CVE-2024-21626). Pure.

import type { Op } from '../../native/ops.ts';
import { S_IFREG } from '../../native/constants.ts';

export interface MountPoints {
  /** mkdir -p */
  directory(path: string): Op[];
  /** mkdir -p of the parent, and an empty file */
  file(path: string): Op[];
  /** Something was mounted on `path`: what was made below it before is hidden now. */
  covered(path: string): void;
}

/** Remembers what a plan has made already. */
export function newMountPoints(): MountPoints {
  const made = new Set<string>(['/']);
  const directory = (path: string): Op[] => {
    const ops: Op[] = [];
    for (const parent of ancestors(path)) {
      if (made.has(parent)) continue;
      made.add(parent);
      // EROFS: it is missing on a read-only mount; the mount that needs it says so more clearly.
      ops.push({ who: 'child', op: 'mkdir', path: parent, mode: 0o755, except: ['EEXIST', 'EROFS'] });
    }
    return ops;
  };
  return {
    directory,
    file(path) {
      const ops = directory(path.slice(0, path.lastIndexOf('/')) || '/');
      if (made.has(path)) return ops;
      made.add(path);
      const except = ['EEXIST', 'EROFS'];
      ops.push({ who: 'child', op: 'mknod', path, mode: S_IFREG | 0o755, dev: 0, except });
      return ops;
    },
    covered(path) {
      const below = path === '/' ? '/' : `${path}/`;
      for (const known of made) if (known.startsWith(below) && known !== '/') made.delete(known);
    },
  };
}

/** `/a/b` → [`/a`, `/a/b`]. */
function ancestors(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  return names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`);
}

// Tries what the environment needs of the kernel, in throw-away namespaces that end with the trying process. Runs in the
// launcher, outside, as the user. unshare(1), mount(8), overlayfs (Documentation/filesystems/overlayfs.rst)

import { spawnSync } from 'node:child_process';

const C = { ...process.env, LC_ALL: 'C' };

/** Makes a user and a mount namespace. @returns undefined, or the errno's name */
export function probeUserNamespace(): string | undefined {
  const tried = spawnSync('unshare', ['--user', '--mount', 'true'], { encoding: 'utf8', env: C });
  return tried.status === 0 ? undefined : errnoIn(tried.stderr);
}

/**
 * Mounts an overlay whose layers lie below `directory`, writes and runs a file in it, makes a whiteout in a layer.
 * @param directory an empty one on the file system in question
 * @returns undefined, or the step that failed with what was said
 */
export function probeOverlay(directory: string): string | undefined {
  const script = `set -e
    mkdir lower upper work merged
    mknod lower/whiteout c 0 0
    mount -t overlay -o userxattr,lowerdir=lower,upperdir=upper,workdir=work overlay merged
    printf '#!/bin/sh\\nexit 0\\n' > merged/program
    chmod 755 merged/program
    merged/program`;
  const tried = spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-c', script], {
    cwd: directory,
    encoding: 'utf8',
    env: C,
  });
  return tried.status === 0 ? undefined : tried.stderr.trim().split('\n').slice(0, 2).join('; ');
}

/** strerror(3) of what unshare(2) fails with. */
const TEXTS: Record<string, string> = {
  'No space left on device': 'ENOSPC',
  'Operation not permitted': 'EPERM',
  'Permission denied': 'EACCES',
  'Invalid argument': 'EINVAL',
  'Function not implemented': 'ENOSYS',
};

function errnoIn(text: string): string {
  const known = Object.entries(TEXTS).find(([message]) => text.includes(message));
  return known?.[1] ?? (text.trim() || 'unknown error');
}

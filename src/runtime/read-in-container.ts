// Looks at files of a running container, as its processes see them: through /proc/PID/root, every name and link resolved inside
// it. Runs in the daemon, as root of its user namespace. proc_pid_root(5), openat2(2) RESOLVE_IN_ROOT

import { closeSync, readSync } from 'node:fs';
import { errnoOf, invalidArgument } from '../base/errors.ts';
import { fstatat, openat2 } from '../native/addon.ts';
import * as k from '../native/constants.ts';

/**
 * The content of the regular file `path`; undefined when there is none.
 * @throws invalidArgument when it is larger than `maxBytes`; ESRCH or EACCES when the process is gone
 */
export function readInContainer(pid: number, path: string, maxBytes: number): Buffer | undefined {
  // Not blocked by a named pipe that the container put there.
  return inside(pid, path, k.O_RDONLY | k.O_NONBLOCK | k.O_NOCTTY, (fd) => {
    const { size, mode } = fstatat(fd, '', k.AT_EMPTY_PATH);
    if ((mode & k.S_IFMT) !== k.S_IFREG) return undefined;
    if (size > maxBytes) throw invalidArgument(`read ${path} in the container: ${size} bytes, more than ${maxBytes}`);
    const content = Buffer.alloc(size);
    let filled = 0;
    for (let n = -1; filled < size && n !== 0; filled += n) n = readSync(fd, content, filled, size - filled, filled);
    return content.subarray(0, filled);
  });
}

/** Whether `path` leads to anything. */
export function isInContainer(pid: number, path: string): boolean {
  return inside(pid, path, k.O_PATH, () => true) ?? false;
}

function inside<T>(pid: number, path: string, flags: number, look: (fd: number) => T): T | undefined {
  const root = openat2(k.AT_FDCWD, `/proc/${pid}/root`, k.O_PATH | k.O_DIRECTORY | k.O_CLOEXEC, 0, 0);
  try {
    // A magic link of its /proc would lead out.
    const fd = openat2(root, path, flags | k.O_CLOEXEC, 0, k.RESOLVE_IN_ROOT | k.RESOLVE_NO_MAGICLINKS);
    try {
      return look(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  } finally {
    closeSync(root);
  }
}

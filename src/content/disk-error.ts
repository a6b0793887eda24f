// What a failed write or read of the store means to the user: the errno, and the command that mends it (errno(3)).

import { errnoOf, internal, messageOf, PunnetError } from '../base/errors.ts';

/** Wraps a file system error: `write blob sha256:…: ENOSPC …`, with a fix where one is known. PunnetErrors pass. */
export function diskError(step: string, error: unknown, directory: string): Error {
  if (error instanceof PunnetError) return error;
  const errno = errnoOf(error);
  const text = REASONS[errno ?? ''];
  const reason = text === undefined ? messageOf(error) : `${errno}: ${text}`;
  return internal(`${step}: ${reason}`, { cause: error, fix: FIXES[errno ?? '']?.(directory) });
}

const REASONS: Record<string, string> = {
  ENOSPC: 'no space left on device',
  EDQUOT: 'disk quota exceeded',
  EROFS: 'read-only file system',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EIO: 'input/output error',
  EMFILE: 'too many open files',
};

const FIXES: Record<string, (directory: string) => string> = {
  ENOSPC: (directory) => `free some space (df -h ${directory}; punnet rmi IMAGE), or move the data: PUNNET_ROOT=DIR`,
  EDQUOT: (directory) => `free some space (quota -s; du -sh ${directory}), or move the data: PUNNET_ROOT=DIR`,
  EROFS: (directory) => `remount the file system of ${directory} writable, or move the data: PUNNET_ROOT=DIR`,
  EACCES: (directory) => `make ${directory} yours: ls -ld ${directory}; or move the data: PUNNET_ROOT=DIR`,
  EPERM: (directory) => `make ${directory} yours: ls -ld ${directory}; or move the data: PUNNET_ROOT=DIR`,
  EIO: (directory) => `check the disk of ${directory}: dmesg | tail`,
  EMFILE: () => 'ulimit -n 65536, then punnet system stop',
};

// Makes the archive of a new layer straight from an upper directory of overlayfs: what a container changed, with whiteouts for
// what it removed. Runs in the daemon's worker, in its user and mount namespaces, as uid 0 there. OCI image-spec layer.md
// "Change Types"; moby: daemon/graphdriver/overlay2 (Diff).

import { closeSync } from 'node:fs';
import type { Digest } from '../base/digest.ts';
import { errnoOf, messageOf, PunnetError } from '../base/errors.ts';
import { openat2 } from '../native/addon.ts';
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
} from '../native/constants.ts';
import { ArchiveFile } from './archive-file.ts';
import { TreeArchiver } from './archive-tree.ts';
import { TarWriter } from './tar/writer.ts';

export interface LayerArchiveJob {
  /** the upper directory */
  upper: string;
  /** the archive, a new file */
  path: string;
}

export interface LayerArchive {
  diffID: Digest;
  /** bytes of the archive */
  size: number;
  entries: number;
}

/** @throws unavailable when the disk is full; the file is then the caller's to remove */
export function archiveLayer({ upper, path }: LayerArchiveJob): LayerArchive {
  const open: number[] = [];
  const keep = (fd: number) => (open.push(fd), fd);
  try {
    const root = keep(openat2(AT_FDCWD, upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0));
    const file = new ArchiveFile(
      keep(openat2(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600, 0)),
    );
    const tar = new TarWriter((chunk) => file.write(chunk));
    const archiver = new TreeArchiver(tar, { overlay: true });
    archiver.contents(root, '');
    tar.end();
    return { diffID: file.digest(), size: file.size, entries: archiver.entries };
  } catch (error) {
    if (error instanceof PunnetError) throw error;
    const full = errnoOf(error) === 'ENOSPC' || errnoOf(error) === 'EDQUOT';
    throw new PunnetError(
      full ? 'unavailable' : 'internal',
      `archive the changes of a container: ${messageOf(error)}`,
      {
        cause: error,
        ...(full && { fix: 'punnet rmi images that are not needed' }),
      },
    );
  } finally {
    for (const fd of open) closeSync(fd);
  }
}

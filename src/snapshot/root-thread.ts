// Entry of the thread that reads and writes the files of one container's root, for one request. Archives pass through a
// descriptor, blocking: a slow client holds this thread, never the daemon. Runs in the daemon's process as a worker thread, in
// its user namespace as uid 0 there, with a mount namespace of its own.

import { closeSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { errnoOf, internal, invalidArgument, messageOf, notFound, PunnetError } from '../base/errors.ts';
import { fstatat, openat2 } from '../native/addon.ts';
import { AT_EMPTY_PATH, O_CLOEXEC, O_DIRECTORY, O_RDONLY } from '../native/constants.ts';
import { ArchiveFile } from './archive-file.ts';
import { TreeArchiver } from './archive-tree.ts';
import { enterRoot, type ContainerRoot, type RootBind } from './container-root.ts';
import { TreeExtractor, type ExtractOptions } from './extract-tree.ts';
import {
  absolutePath,
  archiveFile,
  insideOf,
  isDirectory,
  openFollowed,
  statFile,
  type FileStat,
} from './root-files.ts';
import { TarReader } from './tar/reader.ts';
import { TarWriter } from './tar/writer.ts';
import type { WorkerFailure } from './unpack-worker.ts';

export type RootJob =
  | { kind: 'stat'; path: string }
  /** tells the stat, then writes the archive of `path` to `fd` */
  | { kind: 'archive'; path: string; fd: number }
  /** writes the archive of the whole root to `fd` */
  | { kind: 'export'; fd: number }
  /** reads an archive from `fd` into directory `path` */
  | { kind: 'extract'; path: string; fd: number; options: Omit<ExtractOptions, 'directory'>; readonlyRoot: boolean };

export interface RootRequest {
  root: ContainerRoot;
  job: RootJob;
}

/** To the daemon: `ready` when the root is open (with a stat where one was asked for), then one of the others. */
export type RootAnswer = { ready: true; stat?: FileStat } | { done: true } | { failure: WorkerFailure };

const CHUNK = 256 * 1024;

const port = parentPort!;
const answer = (message: RootAnswer) => port.postMessage(message);
const { root, job } = workerData as RootRequest;

try {
  const fd = enterRoot(root);
  try {
    work(fd, job, root.binds);
  } finally {
    closeSync(fd);
  }
  answer({ done: true });
} catch (error) {
  const known = error instanceof PunnetError ? { kind: error.kind, fix: error.fix } : {};
  answer({ failure: { message: messageOf(error), code: errnoOf(error), ...known } });
} finally {
  if ('fd' in job) closeSync(job.fd);
}

function work(fd: number, job: RootJob, binds: RootBind[]): void {
  switch (job.kind) {
    case 'stat':
      return answer({ ready: true, stat: present(job.path, () => statFile(fd, job.path)) });
    case 'archive':
      answer({ ready: true, stat: present(job.path, () => statFile(fd, job.path)) });
      return write(job.fd, (tar) => archiveFile(fd, job.path, tar));
    case 'export':
      answer({ ready: true });
      return write(job.fd, (tar) => {
        const directory = openat2(fd, '.', O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
        try {
          new TreeArchiver(tar).contents(directory, '');
        } finally {
          closeSync(directory);
        }
      });
    case 'extract':
      return extract(fd, job, binds);
  }
}

function write(to: number, fill: (tar: TarWriter) => void): void {
  const file = new ArchiveFile(to);
  const tar = new TarWriter((chunk) => file.write(chunk));
  fill(tar);
  tar.end();
  file.flush();
}

function extract(fd: number, job: Extract<RootJob, { kind: 'extract' }>, binds: RootBind[]): void {
  const directory = extractionPoint(fd, job.path);
  const bind = binds.find(({ destination }) => directory === destination || directory.startsWith(`${destination}/`));
  if (bind && !bind.writable) throw internal('mounted volume is marked read-only');
  if (!bind && job.readonlyRoot) throw internal('container rootfs is marked read-only');
  answer({ ready: true });
  const extractor = new TreeExtractor(fd, { ...job.options, directory });
  try {
    const reader = new TarReader(extractor);
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (let length = -1; length !== 0;) {
      length = readSync(job.fd, buffer, 0, CHUNK, null);
      // The reader may keep a view until its next call, not longer.
      reader.write(buffer.subarray(0, length));
    }
    reader.end();
    extractor.finish();
  } catch (error) {
    // Docker extracts in a process of its own, and says how that ended.
    throw new PunnetError('internal', `Error processing tar file(exit status 1): ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    extractor.close();
  }
}

/** @throws notFound; invalidArgument when it is no directory */
function extractionPoint(fd: number, path: string): string {
  const found = present(path, () => openFollowed(fd, absolutePath(path)));
  try {
    if (!isDirectory(fstatat(found, '', AT_EMPTY_PATH))) throw invalidArgument('extraction point is not a directory');
    return insideOf(fd, found);
  } finally {
    closeSync(found);
  }
}

/** What is missing, or below something that is no directory, is a path that cannot be found. */
function present<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw notFound(path);
    if (errnoOf(error) === 'ENOTDIR' || errnoOf(error) === 'ELOOP') {
      throw internal(
        `${path}: ${errnoOf(error) === 'ELOOP' ? 'too many levels of symbolic links' : 'not a directory'}`,
      );
    }
    throw error;
  }
}

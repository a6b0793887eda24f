// Tells a TarSink what a directory holds, in the order of the names: a tree as the entries of an archive. Names are opened one
// at a time below descriptors and never followed, because a container may change the tree meanwhile; what vanishes is left
// out. Runs in the daemon's workers, in its user and mount namespaces, as uid 0 there. moby: pkg/archive (TarWithOptions).

import { closeSync, opendirSync, readSync } from 'node:fs';
import { errnoOf, invalidArgument } from '../base/errors.ts';
import { fgetxattr, flistxattr, fstatat, openat2, readlinkat, type StatAt } from '../native/addon.ts';
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  RESOLVE_BENEATH,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from '../native/constants.ts';
import { joinPath, MAX_PATH, OPAQUE_NAME, raw, WHITEOUT_PREFIX } from './layer-path.ts';
import { isOpaque } from './stack.ts';
import type { Entry, EntryType, TarSink } from './tar/entry.ts';
import { show } from './tar/reader.ts';
import { admit } from './xattrs.ts';

const CHUNK = 1 << 20;
const SECOND = 1_000_000_000n;
const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
// O_NONBLOCK: a fifo that took the file's place must not hold the worker.
const FILE = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

export interface TreeOptions {
  /** The tree is an upper directory: whiteouts and opaque directories become the archive's own. */
  overlay?: boolean;
  /** The name in the archive of a path in the tree. */
  rename?(path: string): string;
}

/** The kinds of file that an archive has, by the S_IFMT of their mode. */
export const TYPES = new Map<number, EntryType>([
  [S_IFREG, 'file'],
  [S_IFDIR, 'directory'],
  [S_IFLNK, 'symlink'],
  [S_IFIFO, 'fifo'],
  [S_IFCHR, 'char'],
  [S_IFBLK, 'block'],
]);

export class TreeArchiver {
  readonly #sink: TarSink;
  readonly #options: TreeOptions;
  readonly #linked = new Map<string, string>();
  readonly #buffer = Buffer.allocUnsafe(CHUNK);
  entries = 0;

  constructor(sink: TarSink, options: TreeOptions = {}) {
    this.#sink = sink;
    this.#options = options;
  }

  /** Archives directory `fd` itself, and all that it holds. */
  whole(fd: number): void {
    const stat = fstatat(fd, '', AT_EMPTY_PATH);
    this.#tell({
      ...entryOf(stat, { type: 'directory', name: this.#options.rename?.('') ?? '' }),
      xattrs: xattrsOf(fd),
    });
    this.contents(fd, '');
  }

  /** Archives all that directory `fd` holds; `path` is its own path in the tree, '' for the root. */
  contents(fd: number, path: string): void {
    for (const name of namesIn(fd)) this.one(fd, name, joinPath(path, name));
  }

  /** Archives `name` in directory `at`, and what is below it. */
  one(at: number, name: string, path: string): void {
    if (path.length > MAX_PATH) throw invalidArgument(`archive ${show(path)}: the name is too long`);
    const stat = unlessGone(() => fstatat(at, raw(name), AT_SYMLINK_NOFOLLOW));
    if (!stat) return;
    const type = TYPES.get(stat.mode & S_IFMT);
    // A socket has no place in an archive.
    if (!type) return;
    const entry = entryOf(stat, { type, name: this.#options.rename?.(path) ?? path });
    if (type === 'directory') this.#directory(at, name, { path, entry });
    else if (type === 'file') this.#file(at, name, { entry, stat });
    else if (type === 'symlink') {
      const target = unlessGone(() => readlinkat(at, raw(name)));
      if (target) this.#tell({ ...entry, linkname: target.toString('latin1') });
    } else if (type === 'fifo') this.#tell(entry);
    else if (this.#options.overlay && type === 'char') this.#tell(whiteout(entry, path));
    // Other devices cannot be made in a user namespace; one that is bound in belongs to the host.
  }

  #directory(at: number, name: string, { path, entry }: { path: string; entry: Entry }): void {
    const fd = unlessGone(() => openat2(at, raw(name), DIRECTORY, 0, RESOLVE_BENEATH));
    if (fd === undefined) return;
    try {
      this.#tell({ ...entry, xattrs: xattrsOf(fd) });
      if (this.#options.overlay && isOpaque(fd)) {
        this.#tell({ ...entry, type: 'file', mode: entry.mode & 0o777, name: joinPath(path, OPAQUE_NAME) });
      }
      this.contents(fd, path);
    } finally {
      closeSync(fd);
    }
  }

  #file(at: number, name: string, { entry, stat }: { entry: Entry; stat: StatAt }): void {
    const id = `${stat.dev}:${stat.ino}`;
    const first = stat.nlink > 1 ? this.#linked.get(id) : undefined;
    if (first !== undefined) return this.#tell({ ...entry, type: 'link', linkname: first, size: 0 });
    const fd = unlessGone(() => openat2(at, raw(name), FILE, 0, RESOLVE_BENEATH));
    if (fd === undefined) return;
    try {
      const found = fstatat(fd, '', AT_EMPTY_PATH);
      if ((found.mode & S_IFMT) !== S_IFREG) return;
      if (found.nlink > 1) this.#linked.set(`${found.dev}:${found.ino}`, entry.name);
      this.#tell({ ...entryOf(found, { type: 'file', name: entry.name }), xattrs: xattrsOf(fd) });
      this.#content(fd, found.size);
    } finally {
      closeSync(fd);
    }
    this.#sink.fileEnd();
  }

  #content(fd: number, size: number): void {
    for (let at = 0; at < size;) {
      const length = readSync(fd, this.#buffer, 0, Math.min(CHUNK, size - at), at);
      if (length === 0) return;
      this.#sink.data(this.#buffer.subarray(0, length), at);
      at += length;
    }
  }

  #tell(entry: Entry): void {
    this.entries++;
    this.#sink.entry(entry);
  }
}

/** A file as an entry, its links and extended attributes left out. Docker's archives have whole seconds. */
export function entryOf(stat: StatAt, { type, name }: { type: EntryType; name: string }): Entry {
  const seconds = stat.mtimeNs / SECOND - (stat.mtimeNs % SECOND < 0n ? 1n : 0n);
  return {
    name,
    type,
    linkname: '',
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    mtimeNs: seconds * SECOND,
    size: type === 'file' ? stat.size : 0,
    xattrs: new Map(),
  };
}

function whiteout(entry: Entry, path: string): Entry {
  const slash = path.lastIndexOf('/') + 1;
  const name = `${path.slice(0, slash)}${WHITEOUT_PREFIX}${path.slice(slash)}`;
  return { ...entry, type: 'file', mode: 0o600, name };
}

/** What of a file's extended attributes an image keeps: not overlayfs' own marks. */
export function xattrsOf(fd: number): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  let names: string[];
  try {
    names = flistxattr(fd).toString('latin1').split('\0');
  } catch (error) {
    if (errnoOf(error) === 'EOPNOTSUPP' || errnoOf(error) === 'ENOTSUP') return found;
    throw error;
  }
  for (const name of names) {
    if (!name) continue;
    try {
      const xattr = admit(name, fgetxattr(fd, name));
      if (xattr) found.set(xattr.name, xattr.value);
    } catch (error) {
      if (errnoOf(error) !== 'ENODATA') throw error;
    }
  }
  return found;
}

/** The names that directory `fd` holds, as binary strings, in their order. */
export function namesIn(fd: number): string[] {
  const dir = opendirSync(`/proc/self/fd/${fd}`, { encoding: 'latin1' as BufferEncoding, bufferSize: 256 });
  const names: string[] = [];
  try {
    for (let entry = dir.readSync(); entry; entry = dir.readSync()) names.push(entry.name);
  } finally {
    dir.closeSync();
  }
  return names.sort();
}

/** Undefined for what is no more, or has become something else. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'ENOTDIR', 'EINVAL', 'ENXIO'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

// Extracts an archive into a directory of a container's root, as `cp` does: what exists is replaced, directories are kept and
// filled. Archive and root are both hostile, and the container may be at work there: parents are resolved by the kernel inside
// the root, last parts are never followed. Runs in a worker thread of the daemon (root-thread.ts), as uid 0 of its user
// namespace. moby: pkg/archive (Unpack, createTarFile); openat2(2)

import { closeSync, ftruncateSync, writeSync } from 'node:fs';
import { posix } from 'node:path';
import { errnoOf, internal, invalidArgument, messageOf, PunnetError } from '../base/errors.ts';
import * as sys from '../native/addon.ts';
import {
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
} from '../native/constants.ts';
import { namesIn } from './archive-tree.ts';
import { lookUp } from './directories.ts';
import { joinPath, layerPath, raw, splitPath } from './layer-path.ts';
import type { Entry, TarSink } from './tar/entry.ts';
import { show } from './tar/reader.ts';
import { admit } from './xattrs.ts';

const INSIDE = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
const OPEN = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
const NEW = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
/** Deeper trees are not removed to make room for a file. */
const MAX_DEPTH = 1000;

export interface ExtractOptions {
  /** absolute in the container; exists and is a directory */
  directory: string;
  /** a file may not take the place of a directory, nor the other way round */
  noOverwriteDirNonDir: boolean;
  /** who shall own what is extracted; undefined: whom the archive says */
  owner?: { uid: number; gid: number };
}

export class TreeExtractor implements TarSink {
  readonly #root: number;
  readonly #options: ExtractOptions;
  /** the extraction point relative to the root, a binary string */
  readonly #base: string;
  readonly #times: { path: string; mtimeNs: bigint }[] = [];
  #parent: { path: string; fd: number } | undefined;
  #file = -1;
  #entry: Entry | undefined;

  /** `root`: a descriptor of the container's root; closed by its owner. */
  constructor(root: number, options: ExtractOptions) {
    this.#root = root;
    this.#options = options;
    this.#base = Buffer.from(options.directory, 'utf8')
      .toString('latin1')
      .replace(/^\/+|\/+$/g, '');
  }

  /** @throws PunnetError naming the entry; what came before it stays, as in Docker */
  entry(entry: Entry): void {
    this.#entry = entry;
    this.#named(() => this.#make(entry));
  }

  data(chunk: Uint8Array, offset: number): void {
    if (this.#file < 0) return;
    this.#named(() => {
      for (let at = 0; at < chunk.length;) at += writeSync(this.#file, chunk, at, chunk.length - at, offset + at);
    });
  }

  fileEnd(): void {
    if (this.#file < 0) return;
    this.#named(() => {
      const entry = this.#entry!;
      if (entry.sparse) ftruncateSync(this.#file, entry.size);
      this.#dress(this.#file, entry);
      this.#closeFile();
    });
  }

  /** Directories get their times, now that nothing is put into them any more. */
  finish(): void {
    for (const { path, mtimeNs } of this.#times.reverse()) {
      try {
        const fd = sys.openat2(this.#root, raw(path), OPEN, 0, INSIDE);
        sys.utimensat(fd, '', mtimeNs, mtimeNs, 0);
        closeSync(fd);
      } catch (error) {
        // The container removed it meanwhile.
        if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') throw error;
      }
    }
  }

  /** Closes every descriptor but the root's. */
  close(): void {
    this.#closeFile();
    if (this.#parent) closeSync(this.#parent.fd);
    this.#parent = undefined;
  }

  #make(entry: Entry): void {
    const { parent, name } = layerPath(entry.name);
    // The extraction point itself is left as it is.
    if (name === '') return;
    const at = this.#directory(joinPath(this.#base, parent));
    this.#makeRoom(at, name, entry);
    switch (entry.type) {
      case 'directory':
        return this.#makeDirectory(at, name, { path: joinPath(joinPath(this.#base, parent), name), entry });
      case 'file':
        this.#file = sys.openat2(at, raw(name), NEW, 0o600, RESOLVE_BENEATH);
        return;
      case 'link':
        return this.#link(at, name, entry.linkname);
      case 'symlink':
        this.#checkTarget(entry, posix.join('/', this.#base, parent, entry.linkname));
        sys.symlinkat(raw(entry.linkname), at, raw(name));
        break;
      case 'fifo':
        sys.mknodat(at, raw(name), S_IFIFO | 0o600, 0);
        break;
      case 'char':
      case 'block':
        // Cannot be made in a user namespace: left out, as rootless Docker does.
        return;
    }
    const { uid, gid } = this.#ownerOf(entry);
    sys.fchownat(at, raw(name), uid, gid, AT_SYMLINK_NOFOLLOW);
    if (entry.type === 'fifo') sys.fchmodat(at, raw(name), entry.mode);
    sys.utimensat(at, raw(name), entry.mtimeNs, entry.mtimeNs, AT_SYMLINK_NOFOLLOW);
  }

  /** Removes what has the name, but a directory for a directory. @throws invalidArgument where that is not wanted */
  #makeRoom(at: number, name: string, entry: Entry): void {
    const found = lookUp(at, name);
    if (found === undefined) return;
    const wasDirectory = (found & S_IFMT) === S_IFDIR;
    const isDirectory = entry.type === 'directory';
    if (wasDirectory && isDirectory) return;
    if (this.#options.noOverwriteDirNonDir && wasDirectory !== isDirectory) {
      const path = JSON.stringify(`/${joinPath(this.#base, layerPathOf(entry))}`);
      const into = JSON.stringify(`/${this.#base}`);
      throw internal(
        wasDirectory
          ? `cannot overwrite directory ${path} with non-directory ${into}`
          : `cannot overwrite non-directory ${path} with directory ${into}`,
      );
    }
    remove(at, name, 0);
  }

  #makeDirectory(at: number, name: string, { path, entry }: { path: string; entry: Entry }): void {
    if (lookUp(at, name) === undefined) sys.mkdirat(at, raw(name), 0o700);
    const fd = sys.openat2(at, raw(name), OPEN | O_NOFOLLOW, 0, RESOLVE_BENEATH);
    try {
      this.#dress(fd, entry);
    } finally {
      closeSync(fd);
    }
    this.#times.push({ path, mtimeNs: entry.mtimeNs });
  }

  /** Docker's rule; where a link leads is no danger here, since the kernel keeps it inside the root. */
  #checkTarget({ name, linkname, type }: Entry, target: string): void {
    if (target.startsWith(posix.join('/', this.#base))) return;
    const path = JSON.stringify(text(posix.join('/', this.#base, name)));
    throw invalidArgument(
      `invalid ${type === 'link' ? 'hardlink' : 'symlink'} ${path} -> ${JSON.stringify(text(linkname))}`,
    );
  }

  #link(at: number, name: string, linkname: string): void {
    const target = layerPath(linkname);
    const from = sys.openat2(this.#root, raw(joinPath(this.#base, target.parent) || '.'), OPEN, 0, INSIDE);
    try {
      sys.linkat(from, raw(target.name), at, raw(name), 0);
    } finally {
      closeSync(from);
    }
  }

  #dress(fd: number, entry: Entry): void {
    const { uid, gid } = this.#ownerOf(entry);
    // Owner first, because chown(2) clears setuid bits and file capabilities.
    sys.fchown(fd, uid, gid);
    sys.fchmod(fd, entry.mode);
    for (const [archived, bytes] of entry.xattrs) {
      const xattr = admit(archived, bytes);
      try {
        if (xattr) sys.fsetxattr(fd, xattr.name, xattr.value, 0);
      } catch (error) {
        if (!['EOPNOTSUPP', 'ENOTSUP', 'EPERM'].includes(errnoOf(error) ?? '')) throw error;
      }
    }
    sys.utimensat(fd, '', entry.mtimeNs, entry.mtimeNs, 0);
  }

  #ownerOf({ uid, gid }: Entry): { uid: number; gid: number } {
    return this.#options.owner ?? { uid, gid };
  }

  /** A descriptor of directory `path` below the root, good until the next call; made, with its parents, where missing. */
  #directory(path: string): number {
    if (this.#parent?.path === path) return this.#parent.fd;
    const fd = this.#openOrMake(path);
    if (this.#parent) closeSync(this.#parent.fd);
    this.#parent = { path, fd };
    return fd;
  }

  #openOrMake(path: string): number {
    try {
      return sys.openat2(this.#root, raw(path) || '.', OPEN, 0, INSIDE);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
    const { parent, name } = splitPath(path);
    const at = this.#openOrMake(parent);
    try {
      sys.mkdirat(at, raw(name), 0o755);
      const fd = sys.openat2(at, raw(name), OPEN | O_NOFOLLOW, 0, RESOLVE_BENEATH);
      const { uid = 0, gid = 0 } = this.#options.owner ?? {};
      sys.fchown(fd, uid, gid);
      sys.fchmod(fd, 0o755);
      return fd;
    } finally {
      closeSync(at);
    }
  }

  #closeFile(): void {
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = -1;
  }

  #named(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (error instanceof PunnetError) throw error;
      const { code, syscall } = error as NodeJS.ErrnoException;
      const full = code === 'ENOSPC' || code === 'EDQUOT';
      const text = `entry ${show(this.#entry!.name)}: ${syscall ?? 'write'}: ${code ?? messageOf(error)}`;
      throw full ? new PunnetError('unavailable', text, { cause: error }) : invalidArgument(text, { cause: error });
    }
  }
}

/** A binary string as people read it. */
function text(name: string): string {
  return Buffer.from(name, 'latin1').toString('utf8');
}

function layerPathOf(entry: Entry): string {
  const { parent, name } = layerPath(entry.name);
  return joinPath(parent, name);
}

/** Removes a file, or a directory with all that is in it. @throws invalidArgument when it is nested too deeply */
function remove(at: number, name: string, depth: number): void {
  try {
    return void sys.unlinkat(at, raw(name), 0);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    if (errnoOf(error) !== 'EISDIR' && errnoOf(error) !== 'EPERM') throw error;
  }
  if (depth === MAX_DEPTH) throw invalidArgument(`a directory in its place is nested deeper than ${MAX_DEPTH}`);
  const fd = sys.openat2(at, raw(name), OPEN | O_NOFOLLOW, 0, RESOLVE_BENEATH);
  try {
    for (const inside of namesIn(fd)) remove(fd, inside, depth + 1);
  } finally {
    closeSync(fd);
  }
  sys.unlinkat(at, raw(name), AT_REMOVEDIR);
}

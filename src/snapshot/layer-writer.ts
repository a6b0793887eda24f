// Writes the entries of one layer's archive into an empty directory, in overlayfs' form. Nobody else writes there, and the
// archive is hostile: parents are resolved inside the layer, last parts are never followed, what exists is removed before
// it is replaced. Runs in the daemon's unpack worker, in its user and mount namespaces, as uid 0 there.
// OCI image-spec layer.md "Applying Changesets"; Linux overlayfs.rst.

import { closeSync, ftruncateSync, writeSync } from 'node:fs';
import { errnoOf, invalidArgument, messageOf, PunnetError } from '../base/errors.ts';
import * as sys from '../native/addon.ts';
import {
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  RESOLVE_BENEATH,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
} from '../native/constants.ts';
import { Directories, lookUp, OPAQUE_XATTR } from './directories.ts';
import { joinPath, layerPath, meaningOf, raw, type Meaning } from './layer-path.ts';
import { emptyTrash, trash } from './remove-tree.ts';
import type { Entry, TarSink } from './tar/entry.ts';
import { show } from './tar/reader.ts';
import { admit } from './xattrs.ts';

const ALONE = RESOLVE_BENEATH;
const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
const NEW = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

/** What was written, and what could not be. */
export interface Written {
  /** bytes of files, hard links counted once */
  size: number;
  entries: number;
  /** The archive says what the layer's root looks like, or that it is opaque. */
  rootSet: boolean;
  rootOpaque: boolean;
  /** Device nodes, which a user namespace cannot make: left out, as rootless Docker does. */
  skippedDevices: number;
  /** Extended attributes that do not belong into a layer or that this file system cannot keep. */
  skippedXattrs: number;
}

export class LayerWriter implements TarSink {
  readonly written: Written = {
    size: 0,
    entries: 0,
    rootSet: false,
    rootOpaque: false,
    skippedDevices: 0,
    skippedXattrs: 0,
  };
  readonly #directories: Directories;
  readonly #bin: number;
  readonly #whiteouts: boolean;
  #file = -1;
  #entry: Entry | undefined;

  /**
   * `root`, `bin`: descriptors of the layer's directory and of a trash directory beside it; closed by their owner.
   * `whiteouts`: names that begin with `.wh.` have their meaning; in any other archive than a layer's they have none.
   */
  constructor(root: number, bin: number, { whiteouts = true }: { whiteouts?: boolean } = {}) {
    this.#directories = new Directories(root);
    this.#bin = bin;
    this.#whiteouts = whiteouts;
  }

  /** @throws invalidArgument naming the entry; the layer is then to be thrown away. */
  entry(entry: Entry): void {
    this.#entry = entry;
    this.written.entries++;
    this.#named(() => this.#apply(entry));
  }

  data(chunk: Uint8Array, offset: number): void {
    // A whiteout is an empty file in the archive; the bytes of one that has some are dropped.
    if (this.#file < 0) return;
    this.#named(() => {
      for (let at = 0; at < chunk.length;) at += writeSync(this.#file, chunk, at, chunk.length - at, offset + at);
    });
  }

  fileEnd(): void {
    if (this.#file < 0) return;
    this.#named(() => {
      const entry = this.#entry!;
      // A hole at the end has no bytes to write.
      if (entry.sparse) ftruncateSync(this.#file, entry.size);
      this.written.size += entry.size;
      // After the data, because write(2) clears setuid bits and file capabilities; and owner first, because chown(2) does too.
      sys.fchown(this.#file, entry.uid, entry.gid);
      sys.fchmod(this.#file, entry.mode);
      this.#xattrs(this.#file, entry);
      sys.utimensat(this.#file, '', entry.mtimeNs, entry.mtimeNs, 0);
      this.#closeFile();
    });
  }

  /** Completes the layer: directories get their times. */
  finish(): void {
    this.#directories.finish();
  }

  /** Closes every descriptor but those that were passed in. */
  close(): void {
    this.#closeFile();
    this.#directories.close();
  }

  #closeFile(): void {
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = -1;
  }

  #apply(entry: Entry): void {
    const { parent, name } = layerPath(entry.name);
    if (name === '') return this.#root(entry);
    const meaning: Meaning = this.#whiteouts ? meaningOf(name) : { kind: 'file' };
    switch (meaning.kind) {
      case 'ignored':
        return;
      case 'whiteout':
        return this.#whiteout(parent, meaning.of);
      case 'opaque':
        if (parent === '') this.written.rootOpaque = true;
        return setOpaque(this.#directories.descriptor(parent));
      case 'file':
        return this.#make(parent, name, entry);
    }
  }

  #make(parent: string, name: string, entry: Entry): void {
    switch (entry.type) {
      case 'directory':
        return this.#directory(parent, name, entry);
      case 'file':
        this.#file = this.#replacing(parent, name, (at) => sys.openat2(at, raw(name), NEW, 0o600, ALONE));
        return;
      case 'link':
        return this.#link(parent, name, entry.linkname);
      case 'symlink': {
        const target = raw(checkedTarget(entry.linkname));
        this.#replacing(parent, name, (at) => sys.symlinkat(target, at, raw(name)));
        break;
      }
      case 'fifo':
        this.#replacing(parent, name, (at) => sys.mknodat(at, raw(name), S_IFIFO | 0o600, 0));
        break;
      case 'char':
      case 'block':
        this.written.skippedDevices++;
        return;
    }
    const at = this.#directories.descriptor(parent);
    sys.fchownat(at, raw(name), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW);
    if (entry.type === 'fifo') sys.fchmodat(at, raw(name), entry.mode);
    sys.utimensat(at, raw(name), entry.mtimeNs, entry.mtimeNs, AT_SYMLINK_NOFOLLOW);
  }

  /** The layer's own directory. */
  #root(entry: Entry): void {
    if (entry.type !== 'directory') throw invalidArgument('the root of a layer can only be a directory');
    this.written.rootSet = true;
    this.#dressDirectory(this.#directories.root, '', entry);
  }

  #directory(parent: string, name: string, entry: Entry): void {
    const path = raw(name);
    let at = this.#directories.descriptor(parent);
    let whiteout = false;
    try {
      sys.mkdirat(at, path, 0o700);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      const found = lookUp(at, name)! & S_IFMT;
      whiteout = found === S_IFCHR;
      if (found !== S_IFDIR) {
        this.#remove(at, name, found);
        at = this.#directories.descriptor(parent);
        sys.mkdirat(at, path, 0o700);
      }
    }
    const fd = sys.openat2(at, path, DIRECTORY, 0, ALONE);
    try {
      // A directory in place of a removed one shows nothing of the removed one.
      if (whiteout) setOpaque(fd);
      this.#dressDirectory(fd, joinPath(parent, name), entry);
    } finally {
      closeSync(fd);
    }
  }

  #dressDirectory(fd: number, path: string, entry: Entry): void {
    sys.fchown(fd, entry.uid, entry.gid);
    sys.fchmod(fd, entry.mode);
    this.#xattrs(fd, entry);
    sys.utimensat(fd, '', entry.mtimeNs, entry.mtimeNs, 0);
    this.#directories.setTime(path, entry.mtimeNs);
  }

  #link(parent: string, name: string, linkname: string): void {
    const target = layerPath(linkname);
    if (target.name === '') throw invalidArgument(`hard link to the layer's root`);
    if (target.parent === parent && target.name === name) return;
    this.#directories.descriptor(parent);
    if (lookUp(this.#directories.descriptor(target.parent), target.name) === undefined) {
      throw invalidArgument(`hard link to ${show(linkname)}, which is not in this layer`);
    }
    this.#replacing(parent, name, (at) =>
      sys.linkat(this.#directories.descriptor(target.parent), raw(target.name), at, raw(name), 0),
    );
  }

  /** The removal of a name of lower layers. What this layer itself puts there stays, whichever comes first. */
  #whiteout(parent: string, name: string): void {
    const at = this.#directories.descriptor(parent);
    const found = lookUp(at, name);
    if (found === undefined) {
      sys.mknodat(at, raw(name), S_IFCHR, 0);
    } else if ((found & S_IFMT) === S_IFDIR) {
      const fd = sys.openat2(at, raw(name), DIRECTORY, 0, ALONE);
      try {
        setOpaque(fd);
      } finally {
        closeSync(fd);
      }
    }
  }

  /** Makes a name that must be new: an existing file could be a hard link to another, or a link to somewhere else. */
  #replacing<T>(parent: string, name: string, make: (at: number) => T): T {
    const at = this.#directories.descriptor(parent);
    try {
      return make(at);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    this.#remove(at, name, lookUp(at, name)!);
    return make(this.#directories.descriptor(parent));
  }

  #remove(at: number, name: string, mode: number): void {
    if ((mode & S_IFMT) === S_IFDIR) {
      trash(at, name, this.#bin);
      emptyTrash(this.#bin);
    } else {
      sys.unlinkat(at, raw(name), 0);
    }
    // Paths through a directory or a link that is gone lead elsewhere now.
    if ((mode & S_IFMT) === S_IFDIR || (mode & S_IFMT) === S_IFLNK) this.#directories.forget();
  }

  #xattrs(fd: number, entry: Entry): void {
    for (const [archived, bytes] of entry.xattrs) {
      const xattr = admit(archived, bytes);
      try {
        if (!xattr) this.written.skippedXattrs++;
        else sys.fsetxattr(fd, xattr.name, xattr.value, 0);
      } catch (error) {
        // As Docker: a file system without them, or a kernel that refuses them, does not make an image useless.
        if (!['EOPNOTSUPP', 'ENOTSUP', 'EPERM'].includes(errnoOf(error) ?? '')) throw error;
        this.written.skippedXattrs++;
      }
    }
  }

  /** Names the entry in whatever goes wrong with it. */
  #named(act: () => void): void {
    try {
      act();
    } catch (error) {
      throw explain(this.#entry!, error);
    }
  }
}

function setOpaque(fd: number): void {
  sys.fsetxattr(fd, OPAQUE_XATTR, Buffer.from('y'), 0);
}

function checkedTarget(target: string): string {
  if (target === '' || target.includes('\0')) throw invalidArgument('symbolic link without a valid target');
  return target;
}

function explain(entry: Entry, error: unknown): PunnetError {
  const what = `entry ${show(entry.name)}`;
  if (error instanceof PunnetError) {
    const text = error.message.startsWith('entry ') ? error.message : `${what}: ${error.message}`;
    return new PunnetError(error.kind, text, { cause: error, fix: error.fix });
  }
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === 'EINVAL' && syscall?.includes('chown')) {
    return invalidArgument(`${what}: owner ${entry.uid}:${entry.gid} has no id on this host (chown: EINVAL)`, {
      cause: error,
      fix: 'give the user more subordinate ids: usermod --add-subuids FIRST-LAST --add-subgids FIRST-LAST USER',
    });
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new PunnetError('unavailable', `${what}: no space left for layers (${syscall}: ${code})`, {
      cause: error,
      fix: 'punnet rmi images that are not needed',
    });
  }
  const kind = code && HOST.has(code) ? 'unavailable' : 'invalidArgument';
  return new PunnetError(kind, `${what}: ${syscall ?? 'write'}: ${code ?? messageOf(error)}`, { cause: error });
}

/** Errnos that tell of the host, not of the archive. */
const HOST = new Set(['EIO', 'EROFS', 'ENOMEM', 'EMFILE', 'ENFILE', 'EACCES', 'EPERM', 'ENOSYS']);

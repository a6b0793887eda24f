// Descriptors of the directories that a layer is being written into. Every path is resolved by the kernel inside the layer
// (RESOLVE_IN_ROOT: an absolute link or `..` stays in it); missing parents are made. At most LIMIT stay open; one that is
// put back gets the times it came with, since writing into it changed them. Runs in the daemon's unpack worker, in its user
// and mount namespaces, as uid 0 there. openat2(2), overlayfs.rst.

import { closeSync } from 'node:fs';
import { errnoOf, invalidArgument } from '../base/errors.ts';
import { fchmod, fchown, fsetxattr, fstatat, mkdirat, openat2, unlinkat, utimensat } from '../native/addon.ts';
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFCHR,
  S_IFMT,
} from '../native/constants.ts';
import { raw, splitPath } from './layer-path.ts';
import { show } from './tar/reader.ts';

const LIMIT = 64;
const OPEN = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
export const INSIDE = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
/** Says to overlayfs: nothing of lower layers shows through this directory. */
export const OPAQUE_XATTR = 'user.overlay.opaque';

interface Open {
  fd: number;
  mtimeNs: bigint;
}

export class Directories {
  readonly root: number;
  readonly #open = new Map<string, Open>();

  /** `root`: a descriptor of the layer's directory; closed by its owner. */
  constructor(root: number) {
    this.root = root;
    this.#open.set('', { fd: root, mtimeNs: fstatat(root, '.', 0).mtimeNs });
  }

  /** A descriptor of directory `path`, valid until the next call. Made, with its parents, where missing. */
  descriptor(path: string): number {
    const known = this.#open.get(path);
    if (known) {
      if (path) {
        this.#open.delete(path);
        this.#open.set(path, known);
      }
      return known.fd;
    }
    const fd = this.#openOrMake(path);
    this.#open.set(path, { fd, mtimeNs: fstatat(fd, '', AT_EMPTY_PATH).mtimeNs });
    if (this.#open.size > LIMIT) this.#putBack([...this.#open.keys()][1]!);
    return fd;
  }

  /** Records the time that a directory shall have in the end. */
  setTime(path: string, mtimeNs: bigint): void {
    const known = this.#open.get(path);
    if (known) known.mtimeNs = mtimeNs;
  }

  /** Puts all back but the root: after something was removed or replaced, a path may lead elsewhere. */
  forget(): void {
    for (const path of [...this.#open.keys()]) if (path) this.#putBack(path);
  }

  /** Puts all back, the root too (which stays open). */
  finish(): void {
    this.forget();
    utimensat(this.root, '', this.#open.get('')!.mtimeNs, this.#open.get('')!.mtimeNs, 0);
  }

  /** Closes all but the root, when the layer is given up. */
  close(): void {
    for (const [path, { fd }] of this.#open) if (path) closeSync(fd);
    this.#open.clear();
  }

  #putBack(path: string): void {
    const { fd, mtimeNs } = this.#open.get(path)!;
    this.#open.delete(path);
    try {
      utimensat(fd, '', mtimeNs, mtimeNs, 0);
    } finally {
      closeSync(fd);
    }
  }

  #openOrMake(path: string): number {
    try {
      return openat2(this.root, raw(path), OPEN, 0, INSIDE);
    } catch (error) {
      const code = errnoOf(error);
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    }
    const { parent, name } = splitPath(path);
    return makeDirectory(this.descriptor(parent), name, path);
  }
}

/** Makes directory `name` of an archive that did not mention it; replaces a whiteout of that name. Returns its descriptor. */
function makeDirectory(at: number, name: string, path: string): number {
  const whiteout = isWhiteout(at, name);
  if (whiteout) unlinkat(at, raw(name), 0);
  try {
    mkdirat(at, raw(name), 0o755);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    throw invalidArgument(`parent directory ${show(path)} is something else in this layer`, { cause: error });
  }
  const fd = openat2(at, raw(name), OPEN | O_NOFOLLOW, 0, INSIDE);
  // The umask took bits away, and a setgid parent may have given its group.
  fchown(fd, 0, 0);
  fchmod(fd, 0o755);
  if (whiteout) fsetxattr(fd, OPAQUE_XATTR, Buffer.from('y'), 0);
  return fd;
}

/** True when `name` is a character device 0:0: overlayfs' whiteout, and no other device is ever in a layer. */
export function isWhiteout(at: number, name: string): boolean {
  const found = lookUp(at, name);
  return found !== undefined && (found & S_IFMT) === S_IFCHR;
}

/** The mode of `name`, not followed; undefined when there is none. */
export function lookUp(at: number, name: string): number | undefined {
  try {
    return fstatat(at, raw(name), AT_SYMLINK_NOFOLLOW).mode;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

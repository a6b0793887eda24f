// The files that a container's mounts need under them and that its image lacks (/etc/hosts, /proc …): a thin layer between the
// image and the writable directory, one for all containers of a stack. So nothing of them is written at a start, and none
// shows in what a container changed.   init/<name>/{fs/, init.json}
// Runs in the daemon, in its user and mount namespaces, as uid 0 there. moby: daemon/initlayer.

import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { readJson, writeJsonAtomic } from '../base/atomic-file.ts';
import type { Digest } from '../base/digest.ts';
import { flistxattr, fstatat, utimensat } from '../native/addon.ts';
import { AT_EMPTY_PATH, AT_FDCWD } from '../native/constants.ts';
import { lookUpInStack, openStack } from './stack.ts';

/** Something that must be there. Parents are made too. Owner is 0:0. */
export interface InitEntry {
  /** absolute, without links, `.` and `..` */
  path: string;
  type: 'directory' | 'file' | 'link';
  /** of a link */
  target?: string;
}

/** init.json */
interface InitRecord {
  /** bottom first */
  diffIDs: Digest[];
}

/** A directory of the image that the layer must repeat, since an upper directory decides how the merged one looks. */
interface Model {
  path: string;
  uid: number;
  gid: number;
  mode: number;
  mtimeNs: bigint;
}

interface Missing {
  models: Map<string, Model>;
  /** paths, parents first */
  directories: Set<string>;
  entries: InitEntry[];
}

const XATTR_OF_OVERLAY = 'user.overlay.';

export class InitLayers {
  readonly #dir: string;
  readonly #making: string;
  readonly #known = new Map<string, string | undefined>();

  /** `dir` holds the layers, `making` is a directory of the same file system whose contents are swept at start. */
  constructor(dir: string, making: string) {
    this.#dir = dir;
    this.#making = making;
  }

  /**
   * The name of the layer for a stack, made where it is missing; undefined when the image lacks nothing.
   * @param dirs the stack's directories, top first
   */
  for(diffIDs: Digest[], dirs: string[], entries: readonly InitEntry[]): string | undefined {
    if (entries.length === 0) return undefined;
    const name = createHash('sha256')
      .update(JSON.stringify([diffIDs, entries]))
      .digest('hex')
      .slice(0, 12);
    if (!this.#known.has(name)) this.#known.set(name, this.#findOrMake(name, { diffIDs, dirs, entries }));
    return this.#known.get(name);
  }

  /** Names of the layers over a stack for which `isMeant` holds; they are forgotten, the caller removes them. */
  forget(isMeant: (diffIDs: Digest[]) => boolean): string[] {
    const names = readdirSync(this.#dir).filter((name) => isMeant(this.#record(name)?.diffIDs ?? []));
    for (const name of names) this.#known.delete(name);
    return names;
  }

  #record(name: string): InitRecord | undefined {
    return readJson<InitRecord>(join(this.#dir, name, 'init.json'));
  }

  #findOrMake(
    name: string,
    { diffIDs, dirs, entries }: { diffIDs: Digest[]; dirs: string[]; entries: readonly InitEntry[] },
  ): string | undefined {
    if (this.#record(name)) return name;
    const missing = whatIsMissing(dirs, entries);
    if (missing.entries.length === 0) return undefined;
    const making = join(this.#making, `init-${name}-${process.pid}`);
    mkdirSync(join(making, 'fs'), { recursive: true, mode: 0o700 });
    make(join(making, 'fs'), missing);
    writeJsonAtomic(join(making, 'init.json'), { diffIDs } satisfies InitRecord);
    renameSync(making, join(this.#dir, name));
    return name;
  }
}

/** Looks at the stack as overlayfs merges it. Where a parent is a link or a file, an entry is left to whoever mounts there. */
function whatIsMissing(dirs: string[], entries: readonly InitEntry[]): Missing {
  const missing: Missing = { models: new Map(), directories: new Set(), entries: [] };
  const open: number[] = [];
  try {
    const root = openStack(dirs, open);
    for (const entry of entries) look(entry, { root, open, missing });
  } finally {
    for (const fd of open) closeSync(fd);
  }
  return missing;
}

function look(entry: InitEntry, { root, open, missing }: { root: number[]; open: number[]; missing: Missing }): void {
  const names = entry.path.split('/').slice(1);
  const models: Model[] = [];
  let at = root;
  for (const [index, name] of names.entries()) {
    const found = lookUpInStack(at, name, open);
    const path = `/${names.slice(0, index + 1).join('/')}`;
    if (found?.kind === 'directory' && index < names.length - 1) {
      const model = modelOf(path, found.fds[0]!);
      if (!model) return;
      models.push(model);
      at = found.fds;
    } else if (found) {
      return;
    } else {
      for (const known of models) missing.models.set(known.path, known);
      for (let depth = index + 1; depth < names.length; depth++) {
        missing.directories.add(`/${names.slice(0, depth).join('/')}`);
      }
      missing.entries.push(entry);
      return;
    }
  }
}

/** Undefined for a directory with extended attributes of its own, which a directory above it would hide. */
function modelOf(path: string, fd: number): Model | undefined {
  const names = flistxattr(fd).toString('latin1').split('\0').filter(Boolean);
  if (names.some((name) => !name.startsWith(XATTR_OF_OVERLAY))) return undefined;
  const { uid, gid, mode, mtimeNs } = fstatat(fd, '', AT_EMPTY_PATH);
  return { path, uid, gid, mode: mode & 0o7777, mtimeNs };
}

/** Fills an empty directory of our own: no path in it can lead elsewhere. */
function make(root: string, { models, directories, entries }: Missing): void {
  const put = (path: string, mode: number) => {
    mkdirSync(join(root, path), { recursive: true });
    chmodSync(join(root, path), mode);
  };
  const ordered = [...models.values()].sort((a, b) => a.path.length - b.path.length);
  for (const { path, mode } of ordered) put(path, mode);
  for (const path of directories) put(path, 0o755);
  for (const { path, type, target } of entries) {
    if (type === 'directory') put(path, 0o755);
    else if (type === 'link') symlinkSync(target ?? '', join(root, path));
    else {
      writeFileSync(join(root, path), '');
      chmodSync(join(root, path), 0o755);
    }
  }
  for (const { path, uid, gid, mtimeNs } of ordered.toReversed()) {
    chownSync(join(root, path), uid, gid);
    utimensat(AT_FDCWD, join(root, path), mtimeNs, mtimeNs, 0);
  }
}

// Writes files into the upper directory of an active snapshot as a process on the mounted overlay would: parents that only
// lower layers have are copied up, links in the image are followed inside the image. So a COPY needs no mount.
// Runs in the daemon, in its user and mount namespaces, as uid 0 there. overlayfs.rst.

import { closeSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, invalidArgument } from '../base/errors.ts';
import { openat2 } from '../native/addon.ts';
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY, S_IFMT } from '../native/constants.ts';
import { entryOf, TYPES, xattrsOf } from './archive-tree.ts';
import { joinPath, splitPath } from './layer-path.ts';
import { LayerWriter } from './layer-writer.ts';
import { resolveInStack } from './resolve-in-stack.ts';
import { openStack, statOfNode } from './stack.ts';
import type { Entry } from './tar/entry.ts';

export interface Owner {
  uid: number;
  gid: number;
}

const ROOT: Owner = { uid: 0, gid: 0 };

export class UpperWriter {
  readonly #open: number[] = [];
  readonly #stack: number[];
  readonly #writer: LayerWriter;
  /** parent as it was named → where it is, and is ready to be written into */
  readonly #parents = new Map<string, string>();

  /** `directory`: of the active snapshot; `lower`: of the layers below it, top first. */
  constructor(directory: string, lower: string[]) {
    mkdirSync(join(directory, 'trash'), { mode: 0o700, recursive: true });
    const upper = this.#directory(join(directory, 'upper'));
    this.#stack = openStack([join(directory, 'upper'), ...lower], this.#open);
    this.#writer = new LayerWriter(upper, this.#directory(join(directory, 'trash')), { whiteouts: false });
  }

  /** Where a path leads, all links followed, and what is there. Binary strings. */
  resolve(path: string): { path: string; kind: Entry['type'] | undefined } {
    const open: number[] = [];
    try {
      const { parts, node, blocked } = resolveInStack(this.#stack, path, { open });
      if (blocked) throw notADirectory(path);
      const kind = node && TYPES.get(statOfNode(node, parts.at(-1) ?? '.').mode & S_IFMT);
      return { path: parts.join('/'), kind };
    } finally {
      for (const fd of open) closeSync(fd);
    }
  }

  /**
   * Writes one entry; `entry.name` is its path in the image, whose parents may go through links. Parents that are missing
   * are made for `owner`. `content` hands the bytes of a regular file on.
   */
  write(entry: Entry, { owner, content }: { owner?: Owner; content?: Content } = {}): void {
    this.begin(entry, owner);
    if (entry.type !== 'file') return;
    content?.((chunk, offset) => this.data(chunk, offset));
    this.end();
  }

  /** Begins an entry; a regular file's data follow, and its end. */
  begin(entry: Entry, owner: Owner = ROOT): void {
    const { parent, name } = splitPath(entry.name.replace(/\/+$/, ''));
    const at = this.parent(parent, owner);
    this.#writer.entry({ ...entry, name: joinPath(at, name) });
    // Something may have stood here that paths led through.
    if (entry.type !== 'file' && entry.type !== 'directory') this.#parents.clear();
  }

  data(chunk: Uint8Array, offset: number): void {
    this.#writer.data(chunk, offset);
  }

  /** The regular file that was begun is complete. */
  end(): void {
    this.#writer.fileEnd();
  }

  /** Makes sure that a directory is there and may be written into; says where it is. @throws invalidArgument */
  parent(path: string, owner: Owner = ROOT): string {
    const known = this.#parents.get(path);
    if (known !== undefined) return known;
    const open: number[] = [];
    try {
      const { parts, trail, node, blocked } = resolveInStack(this.#stack, path, { open });
      if (blocked || (node && node.kind !== 'directory')) throw notADirectory(path);
      const directories = node?.kind === 'directory' ? [...trail, node.fds].slice(1) : trail.slice(1);
      for (const [at, fds] of directories.entries()) {
        // The first directory of a merged one is the upper one's own where it has one: its look is what counts.
        const entry = entryOf(statOfNode({ kind: 'directory', fds }, '.'), {
          type: 'directory',
          name: parts.slice(0, at + 1).join('/'),
        });
        this.#writer.entry({ ...entry, xattrs: xattrsOf(fds[0]!) });
      }
      for (let at = directories.length; at < parts.length; at++) {
        this.#writer.entry(newDirectory(parts.slice(0, at + 1).join('/'), owner));
      }
      const real = parts.join('/');
      if (this.#parents.size > 4096) this.#parents.clear();
      this.#parents.set(path, real);
      return real;
    } catch (error) {
      if (errnoOf(error) === 'ENOTDIR') throw notADirectory(path, error);
      throw error;
    } finally {
      for (const fd of open) closeSync(fd);
    }
  }

  /** Completes the directories' times. */
  finish(): void {
    this.#writer.finish();
  }

  close(): void {
    this.#writer.close();
    for (const fd of this.#open.splice(0)) closeSync(fd);
  }

  #directory(path: string): number {
    const fd = openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
    this.#open.push(fd);
    return fd;
  }
}

export type Content = (data: (chunk: Uint8Array, offset: number) => void) => void;

/** A directory that nobody described. */
export function newDirectory(name: string, { uid, gid }: Owner): Entry {
  const now = BigInt(Date.now()) * 1_000_000n;
  return { name, type: 'directory', linkname: '', mode: 0o755, uid, gid, mtimeNs: now, size: 0, xattrs: new Map() };
}

function notADirectory(path: string, cause?: unknown): Error {
  return invalidArgument(`mkdir /${Buffer.from(path, 'latin1').toString('utf8')}: not a directory`, { cause });
}

// A stack of directories as one tree to read: an image's layers, or a build's context, which is a stack of one. Nothing is
// mounted and no link leads out. Runs in the daemon, in its user and mount namespaces, as uid 0 there. overlayfs.rst.

import { closeSync, readSync } from 'node:fs';
import { openat2, readlinkat } from '../native/addon.ts';
import { O_CLOEXEC, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, RESOLVE_BENEATH, S_IFMT } from '../native/constants.ts';
import { entryOf, namesIn, TYPES, xattrsOf } from './archive-tree.ts';
import { joinPath, raw } from './layer-path.ts';
import { resolveInStack } from './resolve-in-stack.ts';
import { isOpaque, lookUpInStack, openStack, statOfNode, type StackNode } from './stack.ts';
import type { Entry } from './tar/entry.ts';

const FILE = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
const CHUNK = 1 << 18;

/** Something in the tree. What it can do, it can until the walk that found it goes on. */
export interface TreeFile {
  /** as an archive would tell it; its name is the path from the tree's root, a binary string */
  entry: Entry;
  /** Which inode it is, when there are several links to it. */
  linked: string | undefined;
  /** Calls `data` with the content of a regular file. */
  read(data: (chunk: Uint8Array, offset: number) => void): void;
}

export class MergedTree {
  readonly #open: number[] = [];
  readonly #root: number[];
  readonly #buffer = Buffer.allocUnsafe(CHUNK);

  /** `dirs`: top first. */
  constructor(dirs: string[]) {
    this.#root = openStack(dirs, this.#open);
  }

  close(): void {
    for (const fd of this.#open.splice(0)) closeSync(fd);
  }

  /** What is at `path` (a binary string), all links followed; undefined when there is nothing. */
  find(path: string): TreeFile | undefined {
    return this.#within((open) => {
      const { node, parts } = resolveInStack(this.#root, path, { open });
      const found = node && this.#file(node, parts.at(-1) ?? '.', parts.join('/'));
      return found && { ...found, read: (data) => this.#read(found.entry.name, data) };
    });
  }

  /**
   * All that is below the directory at `path`, a directory before what is in it, names in order.
   * `enter`: whether to go into a directory.
   */
  *walk(path: string, enter: (directory: string) => boolean = () => true): Generator<TreeFile> {
    const open: number[] = [];
    try {
      const { node, parts } = resolveInStack(this.#root, path, { open });
      if (node?.kind === 'directory') yield* this.#contents(node.fds, parts.join('/'), enter);
    } finally {
      for (const fd of open) closeSync(fd);
    }
  }

  *#contents(fds: number[], path: string, enter: (directory: string) => boolean): Generator<TreeFile> {
    for (const name of mergedNames(fds)) {
      const open: number[] = [];
      try {
        const node = lookUpInStack(fds, name, open);
        const inside = joinPath(path, name);
        const file = node && this.#file(node, name, inside);
        if (!file) continue;
        yield file;
        if (node.kind === 'directory' && enter(inside)) yield* this.#contents(node.fds, inside, enter);
      } finally {
        for (const fd of open) closeSync(fd);
      }
    }
  }

  /** Undefined for what an archive has no kind for: a socket. */
  #file(node: StackNode, name: string, path: string): TreeFile | undefined {
    const stat = statOfNode(node, name);
    const type = TYPES.get(stat.mode & S_IFMT);
    if (!type) return undefined;
    const entry = entryOf(stat, { type, name: path });
    if (node.kind === 'link') entry.linkname = readlinkat(node.at, raw(name)).toString('latin1');
    if (node.kind === 'directory') entry.xattrs = xattrsOf(node.fds[0]!);
    if (node.kind === 'file') this.#withFile(node.at, name, (fd) => (entry.xattrs = xattrsOf(fd)));
    const linked = node.kind === 'file' && stat.nlink > 1 ? `${stat.dev}:${stat.ino}` : undefined;
    return {
      entry,
      linked,
      read: (data) => {
        if (node.kind === 'file') this.#withFile(node.at, name, (fd) => this.#content(fd, data));
      },
    };
  }

  /** The content of a regular file piece by piece; it may be left early. */
  *chunks(path: string): Generator<Buffer> {
    const open: number[] = [];
    try {
      const { node, parts } = resolveInStack(this.#root, path, { open });
      if (node?.kind !== 'file') return;
      const fd = openat2(node.at, raw(parts.at(-1)!), FILE, 0, RESOLVE_BENEATH);
      open.push(fd);
      for (;;) {
        const chunk = Buffer.allocUnsafe(CHUNK);
        const length = readSync(fd, chunk, 0, CHUNK, null);
        if (length === 0) return;
        yield chunk.subarray(0, length);
      }
    } finally {
      for (const fd of open) closeSync(fd);
    }
  }

  #read(path: string, data: (chunk: Uint8Array, offset: number) => void): void {
    this.#within((open) => {
      const { node, parts } = resolveInStack(this.#root, path, { open });
      if (node?.kind === 'file') this.#withFile(node.at, parts.at(-1)!, (fd) => this.#content(fd, data));
    });
  }

  #content(fd: number, data: (chunk: Uint8Array, offset: number) => void): void {
    for (let at = 0; ;) {
      const length = readSync(fd, this.#buffer, 0, CHUNK, at);
      if (length === 0) return;
      data(this.#buffer.subarray(0, length), at);
      at += length;
    }
  }

  #withFile(at: number, name: string, use: (fd: number) => void): void {
    const fd = openat2(at, raw(name), FILE, 0, RESOLVE_BENEATH);
    try {
      use(fd);
    } finally {
      closeSync(fd);
    }
  }

  #within<T>(look: (open: number[]) => T): T {
    const open: number[] = [];
    try {
      return look(open);
    } finally {
      for (const fd of open) closeSync(fd);
    }
  }
}

/** The names of a merged directory, in order; whiteouts are among them, and looked up they are nothing. */
function mergedNames(fds: number[]): string[] {
  if (fds.length === 1) return namesIn(fds[0]!);
  const names = new Set<string>();
  for (const fd of fds) {
    for (const name of namesIn(fd)) names.add(name);
    if (isOpaque(fd)) break;
  }
  return [...names].sort();
}

// Where removed trees go: out of sight in one rename, freed by and by in a worker thread. Runs in the daemon, in its user
// namespace, as uid 0 there. renameat2(2)

import { closeSync } from 'node:fs';
import { errnoOf } from '../base/errors.ts';
import { openat2 } from '../native/addon.ts';
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY } from '../native/constants.ts';
import { trash } from './remove-tree.ts';
import type { UnpackPool } from './unpack-pool.ts';

/** Milliseconds that a pass waits for more: containers often go in numbers. */
const GATHER = 20;

export class Trash {
  readonly #bin: string;
  readonly #pool: UnpackPool;
  #elsewhere: string[] = [];
  #pass: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** `bin`: a directory of its own. */
  constructor(bin: string, pool: UnpackPool) {
    this.#bin = bin;
    this.#pool = pool;
  }

  /**
   * Throws a tree away; nothing happens when there is none. One of another file system keeps its name until it is freed.
   * @throws the errno of renameat2(2)
   */
  discard(path: string): void {
    const bin = openat2(AT_FDCWD, this.#bin, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
    try {
      trash(AT_FDCWD, path, bin);
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'EXDEV') this.#elsewhere.push(path);
      else if (code !== 'ENOENT') throw error;
    } finally {
      closeSync(bin);
    }
  }

  /** Frees what was thrown away before; one pass at a time. @throws the errno of what could not be removed */
  empty(): Promise<void> {
    if (!this.#pass) {
      this.#pass = this.#run().finally(() => (this.#pass = undefined));
      return this.#pass;
    }
    // What comes in during a pass waits for the next, because the pass may have looked already.
    this.#next ??= this.#pass
      .catch(() => {}) // its own callers are told
      .then(() => {
        this.#next = undefined;
        return this.empty();
      });
    return this.#next;
  }

  async #run(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, GATHER));
    const trees = this.#elsewhere;
    this.#elsewhere = [];
    await this.#pool.empty({ trash: this.#bin, trees });
  }
}

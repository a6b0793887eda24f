// Directories of `RUN --mount=type=cache`, which outlive builds: build/mount/<digest of the id>/fs. One of them is for several
// steps at once, for one after the other, or for one alone. Runs in the daemon.

import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, hexOf } from '../base/digest.ts';
import type { RunMount } from './dockerfile/instruction.ts';

type CacheMount = Extract<RunMount, { type: 'cache' }>;

export interface Lent {
  directory: string;
  giveBack(): void;
}

export class MountStore {
  readonly #directory: string;
  readonly #users = new Map<string, number>();
  readonly #turns = new Map<string, Promise<void>>();

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** `fill` is given a new directory to put files into. */
  async lend(mount: CacheMount, fill: (directory: string) => Promise<void>): Promise<Lent> {
    const name = hexOf(digestOf(mount.id)).slice(0, 24);
    if (mount.sharing === 'locked') {
      const { directory, giveBack } = await this.#inTurn(name);
      await this.#make(directory, mount, fill).catch((error: unknown) => (giveBack(), Promise.reject(error as Error)));
      return { directory: join(directory, 'fs'), giveBack };
    }
    let free = name;
    if (mount.sharing === 'private') for (let at = 2; this.#users.has(free); at++) free = `${name}-${at}`;
    const giveBack = this.#take(free);
    const directory = join(this.#directory, free);
    await this.#make(directory, mount, fill).catch((error: unknown) => (giveBack(), Promise.reject(error as Error)));
    return { directory: join(directory, 'fs'), giveBack };
  }

  /** Directories that no step uses. */
  idle(): string[] {
    return readdirSync(this.#directory)
      .filter((name) => !this.#users.has(name))
      .map((name) => join(this.#directory, name));
  }

  async remove(directory: string): Promise<void> {
    await rm(directory, { recursive: true, force: true });
  }

  #take(name: string): () => void {
    this.#users.set(name, (this.#users.get(name) ?? 0) + 1);
    return () => {
      const left = this.#users.get(name)! - 1;
      if (left > 0) this.#users.set(name, left);
      else this.#users.delete(name);
    };
  }

  async #inTurn(name: string): Promise<Lent> {
    const giveBack = this.#take(name);
    const before = this.#turns.get(name) ?? Promise.resolve();
    let done = () => {};
    const mine = new Promise<void>((resolve) => (done = resolve));
    this.#turns.set(
      name,
      before.then(() => mine),
    );
    await before;
    return { directory: join(this.#directory, name), giveBack: () => (done(), giveBack()) };
  }

  /** Under its name only when it is complete: a crash leaves nothing half filled. */
  async #make(directory: string, mount: CacheMount, fill: (directory: string) => Promise<void>): Promise<void> {
    if (existsSync(directory)) return;
    const making = `${directory}.${process.pid}.new`;
    await rm(making, { recursive: true, force: true });
    mkdirSync(making, { mode: 0o700 });
    await fill(making);
    const files = join(making, 'fs');
    mkdirSync(files, { recursive: true });
    chownSync(files, mount.uid, mount.gid);
    chmodSync(files, mount.mode);
    if (existsSync(directory)) await rm(making, { recursive: true, force: true });
    else renameSync(making, directory);
  }
}

// The directories of containers, `container/<id>`. A removed one is kept, with its file of records, for a container to come: on
// a disk, to make and to delete a file takes as long as to clone a process, and a name is given and taken by one rename(2).
//   container/<id>/{record.jsonl, <id>-json.log…}   spare/: what was removed; swept at start
// Runs in the daemon, as root of its user namespace.

import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerRecord } from './record.ts';
import { RECORD, fillRecord, writeContainer } from './record-file.ts';

const MOST = 16;

export class ContainerDirectories {
  readonly #root: string;
  readonly #aside: string;
  readonly #discard: (path: string) => void;
  readonly #spares: string[] = [];

  /** `root` and `aside` are of one file system, and made where missing; nothing in `aside` is kept. `discard` throws a tree away. */
  constructor({ root, aside, discard }: { root: string; aside: string; discard: (path: string) => void }) {
    this.#root = root;
    this.#aside = aside;
    this.#discard = discard;
    mkdirSync(root, { recursive: true, mode: 0o700 });
    rmSync(this.#aside, { recursive: true, force: true });
    mkdirSync(this.#aside, { recursive: true, mode: 0o700 });
  }

  /** Makes the directory of a container, with its record. @throws the errno of mkdir(2), write(2) or rename(2); then there is none */
  make(record: ContainerRecord): string {
    const directory = join(this.#root, record.id);
    const spare = this.#spares.pop();
    if (spare === undefined) {
      writeContainer(directory, record);
    } else {
      fillRecord(spare, record);
      renameSync(spare, directory);
    }
    return directory;
  }

  /** Takes the directory away: from now on there is no such container. @throws the errno of rename(2) */
  retire(id: string): void {
    renameSync(join(this.#root, id), join(this.#aside, id));
  }

  /** Removes the directory of a container that never was one. No error when there is none. */
  remove(id: string): void {
    rmSync(join(this.#root, id), { recursive: true, force: true });
  }

  /** Frees what a retired directory holds, once nobody writes there any more. @throws the errno of readdir(3) or rename(2) */
  free(id: string): void {
    const directory = join(this.#aside, id);
    if (this.#spares.length >= MOST) return this.#discard(directory);
    for (const name of readdirSync(directory)) {
      if (name !== RECORD) this.#discard(join(directory, name));
    }
    this.#spares.push(directory);
  }
}

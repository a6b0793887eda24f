// Unpacks an archive that is no layer into a directory: names that begin with `.wh.` mean nothing. `into` gets `fs`, the files,
// and `trash`. Runs in the daemon, in its user and mount namespaces, as uid 0 there.

import { closeSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openat2 } from '../native/addon.ts';
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY } from '../native/constants.ts';
import { LayerWriter } from './layer-writer.ts';
import type { Entry, TarSink } from './tar/entry.ts';

export class PlainDirectory implements TarSink {
  readonly #writer: LayerWriter;
  readonly #open: number[] = [];

  /** `into`: a directory that exists and is empty */
  constructor(into: string) {
    const [root, bin] = ['fs', 'trash'].map((name) => {
      mkdirSync(join(into, name));
      const fd = openat2(AT_FDCWD, join(into, name), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
      this.#open.push(fd);
      return fd;
    });
    this.#writer = new LayerWriter(root!, bin!, { whiteouts: false });
  }

  entry(entry: Entry): void {
    this.#writer.entry(entry);
  }

  data(chunk: Uint8Array, offset: number): void {
    this.#writer.data(chunk, offset);
  }

  fileEnd(): void {
    this.#writer.fileEnd();
  }

  /** Completes the directories' times. */
  finish(): void {
    this.#writer.finish();
  }

  close(): void {
    this.#writer.close();
    for (const fd of this.#open.splice(0)) closeSync(fd);
  }
}

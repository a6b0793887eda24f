// A new blob that is written piece by piece and gets its name when it is whole: its digest is not known before. Runs in the
// daemon. write(2), rename(2)

import { createHash } from 'node:crypto';
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { Digest } from '../base/digest.ts';

export class Draft {
  readonly #path: string;
  readonly #fd: number;
  readonly #hash = createHash('sha256');
  #size = 0;

  /** @param path a file that does not exist */
  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, 'wx', 0o600);
  }

  /** Blocks: meant for pieces of at most some hundred KiB. */
  write(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    for (let done = 0; done < chunk.length;) done += writeSync(this.#fd, chunk, done);
    this.#size += chunk.length;
  }

  /** Ends the draft, which becomes the file that `place` names for its digest. */
  commit(place: (digest: Digest) => string): { digest: Digest; size: number } {
    closeSync(this.#fd);
    const digest: Digest = `sha256:${this.#hash.digest('hex')}`;
    renameSync(this.#path, place(digest));
    return { digest, size: this.#size };
  }

  discard(): void {
    closeSync(this.#fd);
    rmSync(this.#path, { force: true });
  }
}

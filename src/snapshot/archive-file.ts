// Where an archive goes while it is made: a descriptor, through a buffer, hashed on the way. Runs in the daemon's workers, which
// may block. write(2)

import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import type { Digest } from '../base/digest.ts';

const BUFFER = 256 * 1024;

export class ArchiveFile {
  readonly #fd: number;
  readonly #hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafe(BUFFER);
  #filled = 0;
  size = 0;

  /** `fd`: a file, or a blocking socket; closed by its owner. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  write(chunk: Uint8Array): void {
    this.size += chunk.length;
    const large = chunk.length >= BUFFER / 4;
    if (large || this.#filled + chunk.length > BUFFER) this.flush();
    if (large) return this.#put(chunk);
    this.#buffer.set(chunk, this.#filled);
    this.#filled += chunk.length;
  }

  flush(): void {
    const filled = this.#filled;
    this.#filled = 0;
    if (filled) this.#put(this.#buffer.subarray(0, filled));
  }

  /** The digest of all that was written; nothing may be written afterwards. */
  digest(): Digest {
    this.flush();
    return `sha256:${this.#hash.digest('hex')}`;
  }

  #put(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    for (let done = 0; done < chunk.length;) done += writeSync(this.#fd, chunk, done, chunk.length - done);
  }
}

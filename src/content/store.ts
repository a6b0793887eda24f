// Blobs by digest. Four verbs: ingest (write, verify, commit by rename), read (verified), list, remove.
//   blobs/sha256/<hex>   committed: its bytes were hashed to its name   (layout as in image-spec, image-layout.md)
//   ingest/<hex>         not yet: a partial that the next ingest of that digest continues
// Runs in the daemon, as root of its user namespace. kill -9 at any point leaves only files in ingest/.

import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, hexOf, isDigest, type Digest } from '../base/digest.ts';
import { internal, notFound, type PunnetError } from '../base/errors.ts';
import { diskError } from './disk-error.ts';
import { Draft } from './draft.ts';
import { ingest, type IngestOptions, type Source } from './ingest.ts';

/** A partial older than this is swept when the store opens: its download was given up (milliseconds). */
const PARTIAL_LIFETIME = 24 * 3600 * 1000;

export class ContentStore {
  readonly directory: string;
  readonly #blobs: string;
  readonly #ingest: string;
  readonly #running = new Map<Digest, Promise<void>>();

  /**
   * Opens the store in `directory`, makes it when absent, sweeps what crashes left in ingest/.
   * @throws internal when the directory cannot be made or written
   */
  constructor(directory: string) {
    this.directory = directory;
    this.#blobs = join(directory, 'blobs', 'sha256');
    this.#ingest = join(directory, 'ingest');
    try {
      mkdirSync(this.#blobs, { recursive: true, mode: 0o700 });
      mkdirSync(this.#ingest, { recursive: true, mode: 0o700 });
      this.#sweep();
    } catch (error) {
      throw diskError(`open content store ${directory}`, error, directory);
    }
  }

  /** Where the blob is or will be. */
  path(digest: Digest): string {
    return join(this.#blobs, hexOf(digest));
  }

  has(digest: Digest): boolean {
    return this.size(digest) !== undefined;
  }

  /** Bytes of a committed blob; undefined when it is not here. */
  size(digest: Digest): number | undefined {
    return statSync(this.path(digest), { throwIfNoEntry: false })?.size;
  }

  /**
   * The bytes of a blob, hashed again on the way.
   * @throws notFound; internal when its bytes are no longer its digest, or it is larger than `limit` bytes
   */
  read(digest: Digest, limit = 64 * 1024 * 1024): Buffer {
    const path = this.path(digest);
    const size = this.size(digest);
    if (size === undefined) throw notFound(`blob ${digest} is not in the content store`);
    if (size > limit) throw internal(`read blob ${digest}: ${size} bytes, the limit is ${limit}`);
    let bytes: Buffer;
    try {
      bytes = readFileSync(path);
    } catch (error) {
      throw diskError(`read blob ${digest}`, error, this.directory);
    }
    const found = digestOf(bytes);
    if (found !== digest) throw corrupt({ digest, found, path });
    return bytes;
  }

  /**
   * Takes a blob from `source`, and commits it only if its bytes are `digest`. Several calls for one digest are one
   * transfer: the later ones wait, and take over when the first fails. A blob that is here already is not fetched.
   * @throws invalidArgument naming the digest expected and found; unavailable when the source ends early; what the source
   * throws (its partial stays for the next try); internal for the disk's errors
   */
  async ingest(source: Source, options: IngestOptions): Promise<void> {
    const { digest, signal } = options;
    for (;;) {
      signal?.throwIfAborted();
      if (this.has(digest)) return;
      const running = this.#running.get(digest);
      if (!running) break;
      await settledOrAborted(running, signal);
    }
    const work = ingest(source, { ...options, partial: join(this.#ingest, hexOf(digest)), path: this.path(digest) });
    this.#running.set(digest, work);
    try {
      await work;
    } finally {
      this.#running.delete(digest);
    }
  }

  /** Commits bytes that are already in memory (a manifest, a config) and returns their digest. */
  async write(bytes: Uint8Array, expected: Digest = digestOf(bytes)): Promise<Digest> {
    const source: Source = (offset) => Promise.resolve({ offset, body: [bytes.subarray(offset)] });
    await this.ingest(source, { digest: expected, size: bytes.length });
    return expected;
  }

  /**
   * Commits a blob whose digest is known only when it is written: `write` makes the file at the path that it is given, and
   * tells what it hashed on the way. What it left is removed when it throws.
   */
  async create<T extends { digest: Digest }>(write: (path: string) => Promise<T>): Promise<T> {
    const path = join(this.#ingest, `new-${randomBytes(8).toString('hex')}`);
    try {
      const written = await write(path);
      renameSync(path, this.path(written.digest));
      return written;
    } catch (error) {
      rmSync(path, { force: true });
      throw diskError('write new blob', error, this.directory);
    }
  }

  /** A new blob to be written piece by piece; to be committed or discarded. */
  draft(): Draft {
    return new Draft(join(this.#ingest, `new-${randomBytes(8).toString('hex')}`));
  }

  /** Commits a draft; `hold` is told its digest before it has its name, so that a collection spares it. */
  commitDraft(draft: Draft, hold: (digest: Digest) => void): { digest: Digest; size: number } {
    return draft.commit((digest) => {
      hold(digest);
      return this.path(digest);
    });
  }

  /** Every committed digest. */
  list(): Digest[] {
    return readdirSync(this.#blobs)
      .map((name) => `sha256:${name}`)
      .filter((name): name is Digest => isDigest(name));
  }

  /** Removes a blob and its partial; an absent one is no error. */
  remove(digest: Digest): void {
    try {
      rmSync(this.path(digest), { force: true });
      if (!this.#running.has(digest)) rmSync(join(this.#ingest, hexOf(digest)), { force: true });
    } catch (error) {
      throw diskError(`remove blob ${digest}`, error, this.directory);
    }
  }

  #sweep(): void {
    const oldest = Date.now() - PARTIAL_LIFETIME;
    for (const name of readdirSync(this.#ingest)) {
      const path = join(this.#ingest, name);
      const partial = isDigest(`sha256:${name}`) && !this.has(`sha256:${name}`);
      if (partial && statSync(path).mtimeMs > oldest) continue;
      rmSync(path, { recursive: true, force: true });
    }
  }
}

/** The error for a committed blob whose bytes changed under us. */
export function corrupt(input: { digest: Digest; found: Digest; path: string }): PunnetError {
  return internal(`blob ${input.digest} is corrupt: its bytes are ${input.found}`, {
    fix: `rm ${input.path}, then pull its image again`,
  });
}

async function settledOrAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  // The failure of another's transfer belongs to that caller; here it only means that the wait is over.
  const settled = work.then(
    () => {},
    () => {},
  );
  if (!signal) return settled;
  let stop = () => {};
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
    signal.addEventListener('abort', stop, { once: true });
  });
  await Promise.race([settled, aborted]);
  signal.removeEventListener('abort', stop);
}

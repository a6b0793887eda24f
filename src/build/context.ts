// A build context on the daemon's disk: the archive that the client sends is unpacked, and every file hashed on the way, into
// a directory that lives as long as the build. Runs in the daemon, as uid 0 of its user namespace.

import { createHash, type Hash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../base/digest.ts';
import { invalidArgument, messageOf } from '../base/errors.ts';
import { decompressedStream } from '../snapshot/decompress.ts';
import { cleanPath } from './path-match.ts';
import { PlainDirectory } from '../snapshot/plain-directory.ts';
import type { Entry, TarSink } from '../snapshot/tar/entry.ts';
import { TarReader } from '../snapshot/tar/reader.ts';

export interface BuildContext {
  directory: string;
  /** digests of regular files, by path (binary strings) */
  digests: ReadonlyMap<string, Digest>;
  /** gives it up */
  remove(): Promise<void>;
}

/** Takes one file out of a context, so that no COPY finds it. */
export function hideFile({ directory }: BuildContext, path: string): Promise<void> {
  return rm(join(directory, cleanPath(`/${path}`)), { force: true });
}

/**
 * Unpacks an archive (compressed or not) into the new directory `into`.
 * @throws invalidArgument when it is no archive
 */
export async function receiveContext(archive: AsyncIterable<Uint8Array>, into: string): Promise<BuildContext> {
  mkdirSync(into, { recursive: true, mode: 0o700 });
  const remove = () => rm(into, { recursive: true, force: true });
  const directory = new PlainDirectory(into);
  const hashing = new Hashing(directory);
  try {
    const reader = new TarReader(hashing);
    for await (const chunk of decompressedStream(archive)) reader.write(chunk);
    reader.end();
    directory.finish();
  } catch (error) {
    await remove();
    throw invalidArgument(`unpack the build context: ${messageOf(error)}`, { cause: error });
  } finally {
    directory.close();
  }
  return { directory: join(into, 'fs'), digests: hashing.digests, remove };
}

/** Hands an archive on and hashes its files. */
class Hashing implements TarSink {
  readonly digests = new Map<string, Digest>();
  readonly #next: TarSink;
  readonly #links = new Set<string>();
  #trusted = true;
  #hash: Hash | undefined;
  #path = '';

  constructor(next: TarSink) {
    this.#next = next;
  }

  entry(entry: Entry): void {
    const path = (this.#path = cleanPath(`/${entry.name}`).slice(1));
    this.#hash = entry.type === 'file' && !entry.sparse ? createHash('sha256') : undefined;
    // Through a link, another file may be written than the one that is named: then no digest is to be trusted.
    if (this.#links.size > 0 && parents(path).some((parent) => this.#links.has(parent))) this.#trusted = false;
    if (entry.type === 'symlink') this.#links.add(path);
    // Whatever stood here before is replaced.
    this.digests.delete(path);
    if (!this.#trusted) this.digests.clear();
    // The files of a context belong to nobody: COPY says who gets them.
    this.#next.entry({ ...entry, uid: 0, gid: 0 });
  }

  data(chunk: Uint8Array, offset: number): void {
    this.#hash?.update(chunk);
    this.#next.data(chunk, offset);
  }

  fileEnd(): void {
    if (this.#hash && this.#trusted) this.digests.set(this.#path, `sha256:${this.#hash.digest('hex')}`);
    this.#next.fileEnd();
  }
}

function parents(path: string): string[] {
  const found: string[] = [];
  for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) found.push(path.slice(0, slash));
  return found;
}

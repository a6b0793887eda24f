// Takes an image archive apart: every file of it becomes a blob under its own digest, and a table says which name has which.
// No name of the archive ever becomes a path, so neither links nor `..` lead anywhere. What no image needs afterwards is
// collected with the lease. Runs in the daemon.

import type { Digest } from '../../base/digest.ts';
import { invalidArgument } from '../../base/errors.ts';
import type { Draft } from '../../content/draft.ts';
import { decompressedStream } from '../../snapshot/decompress.ts';
import type { Entry, TarSink } from '../../snapshot/tar/entry.ts';
import { TarReader } from '../../snapshot/tar/reader.ts';
import type { Lease } from './make-layer.ts';
import type { ImageRoom } from './room.ts';

/** Entries; an image has at most some hundreds. */
const MOST_ENTRIES = 20_000;
const MOST_LINKS = 10;

export interface StoredFile {
  digest: Digest;
  /** bytes */
  size: number;
}

/** Reads an archive, compressed or not, to its end. @throws invalidArgument when it is none; what `body` throws */
export async function takeApart(
  room: ImageRoom,
  body: AsyncIterable<Uint8Array>,
  { lease, signal }: { lease: Lease; signal: AbortSignal },
): Promise<ArchiveFiles> {
  const intake = new Intake(room, lease);
  try {
    const reader = new TarReader(intake);
    for await (const chunk of decompressedStream(body)) {
      signal.throwIfAborted();
      reader.write(chunk);
    }
    reader.end();
    return intake.files;
  } finally {
    intake.close();
  }
}

/** The files of an archive by their names in it. */
export class ArchiveFiles {
  readonly #files = new Map<string, StoredFile>();
  readonly #links = new Map<string, string>();

  add(name: string, file: StoredFile): void {
    this.#links.delete(normal(name));
    this.#files.set(normal(name), file);
  }

  /** A symbolic link's target is relative to its directory, a hard link's to the root. */
  link(name: string, target: string): void {
    this.#files.delete(normal(name));
    this.#links.set(normal(name), normal(target));
  }

  find(name: string): StoredFile | undefined {
    let path = normal(name);
    for (let hops = 0; hops <= MOST_LINKS; hops++) {
      const file = this.#files.get(path);
      if (file) return file;
      const target = this.#links.get(path);
      if (target === undefined) return undefined;
      path = target;
    }
    return undefined;
  }

  /** @throws invalidArgument in Docker's way */
  get(name: string): StoredFile {
    const file = this.find(name);
    if (!file) throw invalidArgument(`open ${name}: no such file or directory`);
    return file;
  }
}

class Intake implements TarSink {
  readonly files = new ArchiveFiles();
  readonly #room: ImageRoom;
  readonly #lease: Lease;
  #open: { name: string; draft: Draft } | undefined;
  #entries = 0;

  constructor(room: ImageRoom, lease: Lease) {
    this.#room = room;
    this.#lease = lease;
  }

  entry(entry: Entry): void {
    const { name, type, linkname } = entry;
    if (++this.#entries > MOST_ENTRIES)
      throw invalidArgument(`more than ${MOST_ENTRIES} entries: not an image archive`);
    if (entry.sparse) throw invalidArgument(`entry ${JSON.stringify(name)} is sparse: not an image archive`);
    if (type === 'file') this.#open = { name, draft: this.#room.content.draft() };
    if (type === 'link') this.files.link(name, linkname);
    if (type === 'symlink') this.files.link(name, linkname.startsWith('/') ? linkname : `${name}/../${linkname}`);
  }

  data(chunk: Uint8Array): void {
    this.#open!.draft.write(chunk);
  }

  fileEnd(): void {
    const { name, draft } = this.#open!;
    this.#open = undefined;
    this.files.add(
      name,
      this.#room.content.commitDraft(draft, (digest) => this.#lease.hold(digest)),
    );
  }

  /** What was being written when the archive broke off is nothing. */
  close(): void {
    this.#open?.draft.discard();
  }
}

/** `./a//b/../c` → `a/c`; above the root is the root. */
function normal(name: string): string {
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

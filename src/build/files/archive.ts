// Archives among the sources of ADD: recognised by their content, and unpacked below the destination. Names in them lead
// nowhere but into the image. Runs in the daemon. moby: pkg/archive (IsArchivePath, Untar)

import { decompressedStream } from '../../snapshot/decompress.ts';
import { TarReader } from '../../snapshot/tar/reader.ts';
import type { Entry, TarSink } from '../../snapshot/tar/entry.ts';
import { newDirectory, type UpperWriter } from '../../snapshot/upper-writer.ts';
import { cleanPath } from '../path-match.ts';
import type { Source } from './sources.ts';

const ROOT = { uid: 0, gid: 0 };

/** Whether a source is an archive: whatever its name, it begins with an entry. */
export async function isArchive({ from, path, directory }: Source): Promise<boolean> {
  if (directory) return false;
  let first: Entry | undefined;
  const reader = new TarReader({ entry: (entry) => (first ??= entry), data: () => {}, fileEnd: () => {} });
  try {
    for await (const chunk of decompressedStream(pieces(from.tree.chunks(path)))) {
      // A block is enough for a header; an extension may take some before the entry itself.
      for (let at = 0; at < chunk.length && !first; at += 512) reader.write(chunk.subarray(at, at + 512));
      if (first) return true;
    }
    return false;
  } catch {
    // What cannot be decompressed or read as an archive is a file like any other.
    return false;
  }
}

/** Unpacks the archive into `destination` (absolute, a binary string), which is made when missing. */
export async function unpackArchive(
  writer: UpperWriter,
  { from, path }: Source,
  { destination, owner }: { destination: string; owner: { uid: number; gid: number } | undefined },
): Promise<void> {
  const base = writer.resolve(cleanPath(`/${destination}`).slice(1));
  if (base.kind !== 'directory') writer.write(newDirectory(base.path, owner ?? ROOT));
  const reader = new TarReader(new Below(writer, base.path, owner));
  for await (const chunk of decompressedStream(pieces(from.tree.chunks(path)))) reader.write(chunk);
  reader.end();
}

/** Entries of an archive, moved below a directory of the image. */
class Below implements TarSink {
  readonly #writer: UpperWriter;
  readonly #base: string;
  readonly #owner: { uid: number; gid: number } | undefined;

  constructor(writer: UpperWriter, base: string, owner: { uid: number; gid: number } | undefined) {
    this.#writer = writer;
    this.#base = base;
    this.#owner = owner;
  }

  entry(entry: Entry): void {
    const name = this.#place(entry.name);
    if (name === this.#base) return;
    const linkname = entry.type === 'link' ? this.#writer.resolve(this.#place(entry.linkname)).path : entry.linkname;
    this.#writer.begin({ ...entry, ...this.#owner, name, linkname });
  }

  data(chunk: Uint8Array, offset: number): void {
    this.#writer.data(chunk, offset);
  }

  fileEnd(): void {
    this.#writer.end();
  }

  #place(name: string): string {
    return [this.#base, cleanPath(`/${name}`).slice(1)].filter((part) => part !== '').join('/');
  }
}

async function* pieces(chunks: Iterable<Buffer>): AsyncGenerator<Buffer> {
  yield* chunks;
}

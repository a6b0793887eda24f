// A file or tree of this side as an archive, streamed. Links are archived, never followed. Runs in the CLI, as the user.
// moby: pkg/archive (TarResource).

import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { posix } from 'node:path';
import type { Entry, EntryType } from '../../snapshot/tar/entry.ts';
import { TarWriter } from '../../snapshot/tar/writer.ts';
import { splitEntry } from './path.ts';
import type { Place } from './plan.ts';

const CHUNK = 1 << 20;

/** The archive of a source; every entry passes through `rebase`. @throws the errno of what cannot be read */
export function* pack(source: Place, rebase: (entry: Entry) => Entry): Generator<Buffer> {
  const chunks: Buffer[] = [];
  const tar = new TarWriter((chunk) => chunks.push(Buffer.from(chunk)));
  const { directory, base } = splitEntry(source.path);
  const state: State = { tar, rebase, chunks, linked: new Map(), buffer: Buffer.allocUnsafe(CHUNK) };
  yield* walk(posix.join(directory, base), source.name || base, state);
  tar.end();
  yield* drain(chunks);
}

interface State {
  tar: TarWriter;
  rebase: (entry: Entry) => Entry;
  chunks: Buffer[];
  /** device and inode → the name under which the file is in the archive */
  linked: Map<string, string>;
  buffer: Buffer;
}

function* walk(path: string, name: string, state: State): Generator<Buffer> {
  const stat = lstatSync(path);
  const type = typeOf(stat);
  if (!type) return;
  const id = `${stat.dev}:${stat.ino}`;
  const first = type === 'file' && stat.nlink > 1 ? state.linked.get(id) : undefined;
  if (first !== undefined) {
    state.tar.entry(state.rebase({ ...entryOf(stat, 'link', name), linkname: first }));
  } else if (type === 'file') {
    if (stat.nlink > 1) state.linked.set(id, binary(name));
    yield* file(path, name, state);
  } else {
    const linkname = type === 'symlink' ? binary(readlinkSync(path)) : '';
    state.tar.entry(state.rebase({ ...entryOf(stat, type, name), linkname }));
  }
  if (type === 'directory') {
    for (const child of readdirSync(path).sort()) yield* walk(`${path}/${child}`, `${name}/${child}`, state);
  }
  yield* drain(state.chunks);
}

function* file(path: string, name: string, { tar, rebase, chunks, buffer }: State): Generator<Buffer> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const stat = fstatSync(fd);
    tar.entry(rebase({ ...entryOf(stat, 'file', name), size: stat.size }));
    for (let at = 0; at < stat.size;) {
      const length = readSync(fd, buffer, 0, Math.min(CHUNK, stat.size - at), at);
      if (length === 0) break;
      tar.data(buffer.subarray(0, length), at);
      at += length;
      yield* drain(chunks);
    }
    tar.fileEnd();
  } finally {
    closeSync(fd);
  }
}

function* drain(chunks: Buffer[]): Generator<Buffer> {
  if (chunks.length === 0) return;
  const ready = chunks.splice(0);
  yield ready.length === 1 ? ready[0]! : Buffer.concat(ready);
}

function typeOf(stat: Stats): EntryType | undefined {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  // Sockets have no place in an archive; devices cannot be made in a container.
  return undefined;
}

function entryOf(stat: Stats, type: EntryType, name: string): Entry {
  return {
    name: binary(name),
    type,
    linkname: '',
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    mtimeNs: BigInt(Math.floor(stat.mtimeMs / 1000)) * 1_000_000_000n,
    size: 0,
    xattrs: new Map(),
  };
}

function binary(name: string): string {
  return Buffer.from(name, 'utf8').toString('latin1');
}

// Reads a tar archive that arrives in chunks of any size and tells a TarSink its entries, with PAX and GNU extensions
// applied. Holds one block and at most MAX_META of extension in memory, whatever the archive claims; data is handed on
// without a copy. Rules where archivers differ are those of Go's archive/tar, which wrote most layers.
// tar(5); POSIX pax(1); OCI image-spec layer.md.

import { invalidArgument } from '../../base/errors.ts';
import type { Entry, EntryType, Segment, TarSink } from './entry.ts';
import { BLOCK, isZero, parseHeader, text, type Header } from './header.ts';
import { decimal, MAX_META, parsePax, paxName, paxTime, type PaxRecords } from './pax.ts';
import { checkSegments, gnuExtension, gnuHeader, InDataMap, paxSparse } from './sparse.ts';

const TYPES: Record<string, EntryType> = {
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};

type State = 'header' | 'meta' | 'extension' | 'map' | 'data' | 'padding' | 'end';

export class TarReader {
  readonly #sink: TarSink;
  #state: State = 'header';
  readonly #block = Buffer.alloc(BLOCK);
  #filled = 0;
  #zeroBlocks = 0;

  // extensions of the entry to come
  #meta: Buffer[] = [];
  #metaType = '';
  #pax: PaxRecords | undefined;
  #longName: string | undefined;
  #longLink: string | undefined;

  // the current entry
  #entry: Entry | undefined;
  #map: InDataMap | undefined;
  #left = 0;
  #padding = 0;
  #segments: Segment[] = [];
  #segment = 0;
  #inSegment = 0;

  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  /** Takes the next bytes. @throws invalidArgument at the first byte that is not tar; the reader is then of no more use. */
  write(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'end') return;
      if (this.#state === 'data' || this.#state === 'meta' || this.#state === 'padding') {
        at = this.#stream(chunk, at);
      } else {
        const taken = Math.min(BLOCK - this.#filled, chunk.length - at);
        if (taken === BLOCK) this.#takeBlock(chunk.subarray(at, at + BLOCK));
        else {
          chunk.copy(this.#block, this.#filled, at, at + taken);
          this.#filled += taken;
          if (this.#filled === BLOCK) {
            this.#filled = 0;
            this.#takeBlock(this.#block);
          }
        }
        at += taken;
      }
    }
  }

  /**
   * Says that no more bytes come. The padding of the last entry may be missing, and the end mark with it: docker's CLI sends such
   * contexts. @throws invalidArgument when an entry is incomplete.
   */
  end(): void {
    const pending = this.#pax || this.#longName !== undefined || this.#longLink !== undefined;
    const between = ((this.#state === 'header' && this.#filled === 0) || this.#state === 'padding') && !pending;
    if (this.#state !== 'end' && !between) {
      throw invalidArgument(
        `tar: the archive ends inside ${this.#entry ? `entry ${show(this.#entry.name)}` : 'a header'}`,
      );
    }
  }

  #takeBlock(block: Buffer): void {
    if (this.#state === 'header') this.#header(block);
    else if (this.#state === 'extension') this.#extension(block);
    else this.#mapBlock(block);
  }

  #stream(chunk: Buffer, at: number): number {
    if (this.#state === 'padding') {
      const taken = Math.min(this.#padding, chunk.length - at);
      this.#padding -= taken;
      if (this.#padding === 0) this.#state = 'header';
      return at + taken;
    }
    const taken = Math.min(this.#left, chunk.length - at);
    const piece = chunk.subarray(at, at + taken);
    this.#left -= taken;
    if (this.#state === 'meta') {
      this.#meta.push(Buffer.from(piece));
      if (this.#left === 0) this.#metaEnd();
    } else {
      this.#place(piece);
      if (this.#left === 0) this.#fileEnd();
    }
    return at + taken;
  }

  #header(block: Buffer): void {
    if (isZero(block)) {
      if (++this.#zeroBlocks === 2) this.#state = 'end';
      return;
    }
    if (this.#zeroBlocks) throw invalidArgument('tar: a header follows the end mark');
    const header = parseHeader(block);
    if ('xgLK'.includes(header.type)) return this.#metaStart(header);
    this.#begin(header, block);
  }

  #metaStart(header: Header): void {
    // A second header of a kind would silently replace the first: two readers would see two archives.
    const twice = { x: this.#pax, L: this.#longName, K: this.#longLink, g: undefined }[header.type as 'x'];
    if (twice !== undefined) throw invalidArgument(`tar: two extended headers of type ${header.type} for one entry`);
    if (header.size > MAX_META) {
      throw invalidArgument(`tar: extended header of ${header.size} bytes is larger than ${MAX_META}`);
    }
    this.#metaType = header.type;
    this.#meta = [];
    this.#left = header.size;
    this.#padding = paddingOf(header.size);
    this.#state = 'meta';
    if (this.#left === 0) this.#metaEnd();
  }

  #metaEnd(): void {
    const data = Buffer.concat(this.#meta);
    this.#meta = [];
    if (this.#metaType === 'x') this.#pax = parsePax(data);
    else if (this.#metaType === 'L') this.#longName = text(data, 0, data.length);
    else if (this.#metaType === 'K') this.#longLink = text(data, 0, data.length);
    // Global headers ('g': git's commit id) describe no file; Docker ignores them too.
    this.#state = this.#padding ? 'padding' : 'header';
  }

  #begin(header: Header, block: Buffer): void {
    const { type: flag } = header;
    const entry = this.#compose(header);
    const stored = entry.type === 'file' ? entry.size : 0;
    this.#entry = entry;
    this.#left = stored;
    this.#padding = paddingOf(stored);
    this.#map = undefined;
    if (entry.type !== 'file') {
      this.#forget();
      this.#sink.entry(entry);
      this.#entry = undefined;
      return;
    }
    const sparse = flag === 'S' ? gnuHeader(block) : undefined;
    if (sparse) {
      entry.size = sparse.realSize;
      entry.sparse = sparse.segments;
      this.#state = 'extension';
      if (!sparse.more) this.#open();
      return;
    }
    const fromPax = this.#pax && paxSparse(this.#pax);
    if (fromPax) {
      entry.size = fromPax.realSize;
      if (fromPax.map === 'in-data') {
        this.#map = new InDataMap();
        this.#state = 'map';
        return;
      }
      entry.sparse = fromPax.map;
    }
    this.#open();
  }

  #extension(block: Buffer): void {
    const { segments, more } = gnuExtension(block);
    this.#entry!.sparse!.push(...segments);
    if (this.#entry!.sparse!.length > MAX_META / 16) throw invalidArgument('tar: sparse map is too large');
    if (!more) this.#open();
  }

  #mapBlock(block: Buffer): void {
    this.#left -= BLOCK;
    if (this.#left < 0) throw invalidArgument('tar: a sparse map is longer than its entry');
    if (!this.#map!.push(block)) return;
    this.#entry!.sparse = this.#map!.segments;
    this.#open();
  }

  /** Starts the data of a file whose extent is now known. */
  #open(): void {
    const entry = this.#entry!;
    if (entry.size < 0) throw invalidArgument(`tar: negative size of ${show(entry.name)}`);
    if (entry.sparse) checkSegments(entry.sparse, entry.size, this.#left);
    this.#segments = entry.sparse ?? [{ offset: 0, length: entry.size }];
    this.#segment = 0;
    this.#inSegment = 0;
    this.#forget();
    this.#sink.entry(entry);
    this.#state = 'data';
    if (this.#left === 0) this.#fileEnd();
  }

  /** Hands on stored bytes with the place where they belong. */
  #place(piece: Buffer): void {
    let at = 0;
    while (at < piece.length) {
      const { offset, length } = this.#segments[this.#segment]!;
      const taken = Math.min(length - this.#inSegment, piece.length - at);
      if (taken > 0) this.#sink.data(piece.subarray(at, at + taken), offset + this.#inSegment);
      at += taken;
      this.#inSegment += taken;
      if (this.#inSegment === length) {
        this.#segment++;
        this.#inSegment = 0;
      }
    }
  }

  #fileEnd(): void {
    this.#entry = undefined;
    this.#state = this.#padding ? 'padding' : 'header';
    this.#sink.fileEnd();
  }

  #forget(): void {
    this.#pax = undefined;
    this.#longName = undefined;
    this.#longLink = undefined;
  }

  /** The header with its extensions applied. Sizes are still the stored ones. */
  #compose(header: Header): Entry {
    const pax = this.#pax?.values;
    const name = this.#longName ?? named(pax, 'GNU.sparse.name') ?? named(pax, 'path') ?? header.name;
    const linkname = this.#longLink ?? named(pax, 'linkpath') ?? header.linkname;
    let type = TYPES[header.type];
    if (!type) throw invalidArgument(`tar: entry ${show(name)} has unknown type ${JSON.stringify(header.type)}`);
    // V7 archives have no type for directories: the name ends in a slash.
    if (header.type === '0' && name.endsWith('/')) type = 'directory';
    const value = (key: string, otherwise: number) => {
      const found = pax?.get(key);
      return found?.length ? decimal(key, found) : otherwise;
    };
    const mtime = pax?.get('mtime');
    return {
      name,
      type,
      linkname,
      mode: header.mode,
      uid: value('uid', header.uid),
      gid: value('gid', header.gid),
      mtimeNs: mtime?.length ? paxTime('mtime', mtime) : BigInt(header.mtime) * 1_000_000_000n,
      size: type === 'file' ? value('size', header.size) : 0,
      xattrs: pax ? xattrsOf(pax) : new Map<string, Buffer>(),
    };
  }
}

const XATTR = 'SCHILY.xattr.';

function xattrsOf(pax: Map<string, Buffer>): Map<string, Buffer> {
  const xattrs = new Map<string, Buffer>();
  for (const [key, value] of pax) if (key.startsWith(XATTR)) xattrs.set(key.slice(XATTR.length), value);
  return xattrs;
}

function named(pax: Map<string, Buffer> | undefined, key: string): string | undefined {
  const value = pax?.get(key);
  return value?.length ? paxName(key, value) : undefined;
}

function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** A name for people: as UTF-8, quoted, short. */
export function show(name: string): string {
  const readable = JSON.stringify(Buffer.from(name, 'latin1').toString('utf8'));
  return readable.length > 200 ? `${readable.slice(0, 197)}…"` : readable;
}

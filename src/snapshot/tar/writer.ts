// Writes a tar archive of the entries that it is told, as a TarSink: what TarReader reads comes out again. ustar headers, with
// PAX records for what does not fit them; the same entries give the same bytes, so that a layer has one diffID. Pure but for
// `out`. Runs in the daemon's workers. POSIX pax(1) "ustar Interchange Format"; Go archive/tar, which Docker's layers come from.

import { internal } from '../../base/errors.ts';
import type { Entry, EntryType, TarSink } from './entry.ts';
import { BLOCK } from './header.ts';

const FLAGS: Record<EntryType, string> = {
  file: '0',
  link: '1',
  symlink: '2',
  char: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

const NAME = 100;
/** Largest number of an octal field of 8 bytes, and of 12. */
const MAX_ID = 0o7777777;
const MAX_SIZE = 0o77777777777;
const SECOND = 1_000_000_000n;
const ZEROS = Buffer.alloc(64 * 1024);

export class TarWriter implements TarSink {
  readonly #out: (chunk: Uint8Array) => void;
  #size = 0;
  #written = 0;

  /** `out` takes the archive's bytes in order; a chunk is only valid during the call. */
  constructor(out: (chunk: Uint8Array) => void) {
    this.#out = out;
  }

  entry(entry: Entry): void {
    this.#size = entry.type === 'file' ? entry.size : 0;
    this.#written = 0;
    this.#out(headerOf(entry));
  }

  /** Bytes of the current file; a gap before `offset` is a hole, and written as zeros. */
  data(chunk: Uint8Array, offset = this.#written): void {
    if (offset < this.#written || offset + chunk.length > this.#size) {
      throw internal(`tar: ${chunk.length} bytes at ${offset} do not fit a file of ${this.#size}`);
    }
    this.#fill(offset);
    this.#out(chunk);
    this.#written += chunk.length;
  }

  /** Completes the current file: one that shrank while it was read keeps the size that its header told. */
  fileEnd(): void {
    this.#fill(this.#size);
    const padding = -this.#size & (BLOCK - 1);
    if (padding) this.#out(ZEROS.subarray(0, padding));
  }

  /** Writes the end mark. */
  end(): void {
    this.#out(ZEROS.subarray(0, 2 * BLOCK));
  }

  #fill(to: number): void {
    while (this.#written < to) {
      const length = Math.min(ZEROS.length, to - this.#written);
      this.#out(ZEROS.subarray(0, length));
      this.#written += length;
    }
  }
}

/** The header blocks of an entry, PAX records first. */
export function headerOf(entry: Entry): Buffer {
  const named = { ...entry, name: entry.type === 'directory' ? withSlash(entry.name) : entry.name };
  const records = paxOf(named);
  const header = ustar(named);
  if (records.length === 0) return header;
  const base = entry.name.split('/').findLast((part) => part !== '') ?? '';
  const about = { ...named, type: 'file' as const, name: `PaxHeaders.0/${base}`, linkname: '', size: records.length };
  const extended = ustar({ ...about, mode: 0, uid: 0, gid: 0, mtimeNs: 0n }, 'x');
  return Buffer.concat([extended, records, Buffer.alloc(-records.length & (BLOCK - 1)), header]);
}

function withSlash(name: string): string {
  return name.endsWith('/') ? name : `${name}/`;
}

/** What the ustar header cannot say, in order of the keys. */
function paxOf(entry: Entry): Buffer {
  const records: [string, Buffer][] = [];
  const add = (key: string, value: string) => records.push([key, Buffer.from(value, 'latin1')]);
  if (!fits(entry.gid, MAX_ID)) add('gid', `${entry.gid}`);
  if (!fitsName(entry.linkname)) add('linkpath', entry.linkname);
  if (entry.mtimeNs % SECOND !== 0n || !fits(Number(entry.mtimeNs / SECOND), MAX_SIZE)) {
    add('mtime', paxTime(entry.mtimeNs));
  }
  if (!fitsName(entry.name)) add('path', entry.name);
  if (entry.type === 'file' && !fits(entry.size, MAX_SIZE)) add('size', `${entry.size}`);
  if (!fits(entry.uid, MAX_ID)) add('uid', `${entry.uid}`);
  for (const name of [...entry.xattrs.keys()].sort()) records.push([`SCHILY.xattr.${name}`, entry.xattrs.get(name)!]);
  records.sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat(records.map(([key, value]) => paxRecord(key, value)));
}

const fits = (value: number, max: number) => value >= 0 && value <= max;
const fitsName = (name: string) => name.length <= NAME && /^[\x00-\x7f]*$/.test(name);

function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, 'latin1'), value, Buffer.from('\n')]);
  let length = rest.length;
  while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length;
  return Buffer.concat([Buffer.from(`${length}`), rest]);
}

function paxTime(ns: bigint): string {
  const absolute = ns < 0n ? -ns : ns;
  const fraction = `${absolute % SECOND}`.padStart(9, '0').replace(/0+$/, '');
  return `${ns < 0n ? '-' : ''}${absolute / SECOND}${fraction && `.${fraction}`}`;
}

function ustar(entry: Entry, flag = FLAGS[entry.type]): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number, max: number) =>
    block.write((fits(value, max) ? value : 0).toString(8).padStart(length - 1, '0'), at, 'latin1');
  block.write(ascii(entry.name).slice(0, NAME), 0, 'latin1');
  octal(entry.mode, 100, 8, MAX_ID);
  octal(entry.uid, 108, 8, MAX_ID);
  octal(entry.gid, 116, 8, MAX_ID);
  octal(entry.type === 'file' ? entry.size : 0, 124, 12, MAX_SIZE);
  octal(Number(entry.mtimeNs / SECOND), 136, 12, MAX_SIZE);
  block.write(flag, 156, 'latin1');
  block.write(ascii(entry.linkname).slice(0, NAME), 157, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  octal(0, 329, 8, MAX_ID);
  octal(0, 337, 8, MAX_ID);
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** For readers without PAX; others have the whole name in a record. */
function ascii(name: string): string {
  return name.replace(/[^\x00-\x7f]/g, '');
}

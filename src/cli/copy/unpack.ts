// Extracts a container's archive on this side. The archive is hostile: no entry may leave the directory, neither by its name nor
// through a link that came before it, so every parent is looked at first. Owners are those of the user, as docker's are.
// Runs in the CLI, as the user. moby: pkg/archive (Unpack with NoLchown and NoOverwriteDirNonDir).

import * as fs from 'node:fs';
import { posix } from 'node:path';
import type { Entry, TarSink } from '../../snapshot/tar/entry.ts';

const NEW = fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_NOFOLLOW;

export class HostExtractor implements TarSink {
  readonly #directory: string;
  readonly #rebase: (entry: Entry) => Entry;
  /** directories below it that were seen not to be links; forgotten whenever a name is replaced */
  readonly #real = new Set<string>();
  readonly #times: { path: string; seconds: number }[] = [];
  #file = -1;
  #entry: Entry | undefined;

  constructor(directory: string, rebase: (entry: Entry) => Entry) {
    this.#directory = directory;
    this.#rebase = rebase;
  }

  /** @throws Error with Docker's texts, or the errno of what cannot be written */
  entry(archived: Entry): void {
    const entry = this.#rebase(archived);
    this.#entry = entry;
    const name = relative(entry.name);
    if (name === '') return;
    this.#parents(posix.dirname(name));
    const path = this.#path(name);
    this.#makeRoom(path, entry);
    this.#make(path, entry);
  }

  data(chunk: Uint8Array, offset: number): void {
    if (this.#file < 0) return;
    for (let at = 0; at < chunk.length;) at += fs.writeSync(this.#file, chunk, at, chunk.length - at, offset + at);
  }

  fileEnd(): void {
    if (this.#file < 0) return;
    const entry = this.#entry!;
    if (entry.sparse) fs.ftruncateSync(this.#file, entry.size);
    fs.fchmodSync(this.#file, entry.mode);
    fs.futimesSync(this.#file, secondsOf(entry), secondsOf(entry));
    this.close();
  }

  /** Directories get their times, now that nothing is put into them any more. */
  finish(): void {
    for (const { path, seconds } of this.#times.reverse()) fs.utimesSync(path, seconds, seconds);
  }

  close(): void {
    if (this.#file >= 0) fs.closeSync(this.#file);
    this.#file = -1;
  }

  #make(path: string, entry: Entry): void {
    switch (entry.type) {
      case 'file':
        this.#file = fs.openSync(path, NEW, 0o600);
        return;
      case 'directory':
        if (!fs.existsSync(path)) fs.mkdirSync(path);
        fs.chmodSync(path, entry.mode);
        this.#times.push({ path, seconds: secondsOf(entry) });
        return;
      case 'symlink': {
        const target = posix.join(posix.dirname(path), text(entry.linkname));
        if (!`${target}/`.startsWith(`${this.#directory.replace(/\/$/, '')}/`)) {
          throw new Error(`invalid symlink ${JSON.stringify(path)} -> ${JSON.stringify(text(entry.linkname))}`);
        }
        fs.symlinkSync(text(entry.linkname), path);
        fs.lutimesSync(path, secondsOf(entry), secondsOf(entry));
        return;
      }
      case 'link': {
        const target = relative(entry.linkname);
        this.#parents(posix.dirname(target));
        fs.linkSync(this.#path(target), path);
        return;
      }
      case 'fifo':
      case 'char':
      case 'block':
        // Node cannot make them, and a copy of a device is nothing that a user may make.
        return;
    }
  }

  #makeRoom(path: string, entry: Entry): void {
    const stat = fs.lstatSync(path, { throwIfNoEntry: false });
    if (!stat) return;
    const isDirectory = entry.type === 'directory';
    if (stat.isDirectory() && isDirectory) return;
    const [there, into] = [JSON.stringify(path), JSON.stringify(this.#directory)];
    if (stat.isDirectory()) throw new Error(`cannot overwrite directory ${there} with non-directory ${into}`);
    if (isDirectory) throw new Error(`cannot overwrite non-directory ${there} with directory ${into}`);
    fs.rmSync(path);
    this.#real.clear();
  }

  /** Makes what is missing of a path below the directory. @throws Error when a part of it is a link */
  #parents(name: string): void {
    if (name === '.' || this.#real.has(name)) return;
    this.#parents(posix.dirname(name));
    const path = this.#path(name);
    const stat = fs.lstatSync(path, { throwIfNoEntry: false });
    if (!stat) fs.mkdirSync(path);
    else if (!stat.isDirectory())
      throw new Error(`${JSON.stringify(path)} is not a directory: nothing is written through it`);
    this.#real.add(name);
  }

  #path(name: string): string {
    return `${this.#directory.replace(/\/$/, '')}/${text(name)}`;
  }
}

/** Clean, without a leading slash; '' is the directory itself. @throws Error when it climbs out */
function relative(name: string): string {
  const clean = posix.normalize(name.replace(/^\/+/, '') || '.').replace(/\/$/, '');
  if (clean === '..' || clean.startsWith('../') || clean.includes('\0')) {
    throw new Error(`${JSON.stringify(text(name))} is outside of the destination`);
  }
  return clean === '.' ? '' : clean;
}

function text(name: string): string {
  return Buffer.from(name, 'latin1').toString('utf8');
}

function secondsOf({ mtimeNs }: Entry): number {
  return Number(mtimeNs) / 1e9;
}

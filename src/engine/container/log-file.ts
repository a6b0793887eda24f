// Reads a container's log: lines of JSON ({"log","stream","time"}) in one file and its rotated predecessors, from the end
// without reading what comes before. Runs in the daemon. The shim writes them. moby: daemon/logger/jsonfilelog.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { errnoOf } from '../../base/errors.ts';

const BLOCK = 1 << 18;
const NEWLINE = 10;

/**
 * Opens a log with its rotated predecessors, oldest first: `x-json.log.2`, `x-json.log.1`, `x-json.log`. From the newest on, so
 * that a rotation meanwhile shows one file twice, which is seen, and hides none.
 */
export function openLog(path: string): LogFile[] {
  const files: LogFile[] = [];
  for (let number = 0; ; number++) {
    const file = LogFile.open(number === 0 ? path : `${path}.${number}`);
    // Just after a rotation began there may be no newest one yet.
    if (file === undefined && number > 0) return files;
    if (file === undefined) continue;
    if (files.some(({ inode }) => inode === file.inode)) file.close();
    else files.unshift(file);
  }
}

/** An open log file that is read line by line; a line without its newline stays unread until it is complete. */
export class LogFile {
  readonly #descriptor: number;
  readonly #block = Buffer.allocUnsafe(BLOCK);
  #position = 0;
  #rest: Buffer = Buffer.alloc(0);

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** undefined when there is no such file */
  static open(path: string): LogFile | undefined {
    try {
      return new LogFile(openSync(path, 'r'));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  get inode(): number {
    return fstatSync(this.#descriptor).ino;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** The complete lines of the next block, none or more, each with its newline; undefined at the present end of the file. */
  next(): Buffer | undefined {
    const read = readSync(this.#descriptor, this.#block, 0, BLOCK, this.#position);
    if (read === 0) return undefined;
    this.#position += read;
    const data = Buffer.concat([this.#rest, this.#block.subarray(0, read)]);
    const end = data.lastIndexOf(NEWLINE) + 1;
    this.#rest = data.subarray(end);
    return data.subarray(0, end);
  }

  /** Goes to the start if the file is shorter than what was read of it: with one file, rotation empties it. */
  rewind(): void {
    if (fstatSync(this.#descriptor).size >= this.#position) return;
    this.#position = 0;
    this.#rest = Buffer.alloc(0);
  }

  /** Goes to the start of the last `count` lines; returns how many of them this file does not have. */
  seekTail(count: number): number {
    let end = fstatSync(this.#descriptor).size;
    const size = end;
    if (count === 0) {
      this.#position = size;
      return 0;
    }
    // The newline that ends the last line does not begin another one.
    let wanted = count + 1;
    while (end > 0) {
      const start = Math.max(0, end - BLOCK);
      const read = readSync(this.#descriptor, this.#block, 0, end - start, start);
      for (let at = read - 1; at >= 0; at--) {
        if (this.#block[at] !== NEWLINE) continue;
        wanted--;
        if (wanted > 0) continue;
        this.#position = start + at + 1;
        return 0;
      }
      end = start;
    }
    return size === 0 ? count : wanted - 1;
  }
}

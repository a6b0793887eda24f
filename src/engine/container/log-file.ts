// Reads a container's log: lines of JSON ({"log","stream","time"}) in one file and its rotated predecessors, from the end
// without reading what comes before. Runs in the daemon. The shim writes them. moby: daemon/logger/jsonfilelog.

import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { errnoOf } from '../../base/errors.ts';

const BLOCK = 1 << 18;
const NEWLINE = 10;

/** Paths of a log, oldest first: `x-json.log.2`, `x-json.log.1`, `x-json.log`. */
export function logFiles(path: string): string[] {
  const files = [path];
  for (let number = 1; existsSync(`${path}.${number}`); number++) files.unshift(`${path}.${number}`);
  return files;
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

// `logs`: what a container wrote, from its log file, as frames or (for a tty) raw bytes; with `follow` until its exit.
// Runs in the daemon. inotify(7) by fs.watch. moby: daemon/logs.go, server/httputils/logstream.

import { statSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { LogOptions } from '../../api/backend.ts';
import { conflict, notImplemented } from '../../base/errors.ts';
import type { Container } from './container.ts';
import { LogFile, openLog } from './log-file.ts';
import { translateLines } from './log-lines.ts';
import type { Room } from './room.ts';

const NEWLINE = 10;

interface Entry {
  log: string;
  stream: string;
  time: string;
  attrs?: Record<string, string>;
}

/** `<id>-json.log`, as Docker names it. */
export function logPath(container: { directory: string; id: string }): string {
  return join(container.directory, `${container.id}-json.log`);
}

/** @throws conflict for a dying container; notImplemented when its logging driver is none */
export async function readLogs(
  room: Room,
  container: Container,
  options: LogOptions,
  sink: NodeJS.WritableStream,
): Promise<void> {
  const { status } = container.state;
  if (status === 'removing' || status === 'dead') {
    throw conflict('can not get logs from container which is dead or marked for removal');
  }
  if (container.record.hostConfig.LogConfig?.Type === 'none') {
    throw notImplemented('configured logging driver does not support reading');
  }
  const out = new Output(options, container.tty, sink, (line) =>
    room.log(`log of ${container.id} has a line that is no JSON: ${line.slice(0, 80)}`),
  );
  // Before the first read, so that no change between the two is missed.
  const changes = options.follow && container.running ? new Changes(container, options) : undefined;
  const path = logPath(container);
  let file: LogFile | undefined;
  try {
    const files = openTail(path, options.tail);
    file = files.pop();
    for (const older of files) await drain(older, out).finally(() => older.close());
    if (file !== undefined) await drain(file, out);
    while (changes !== undefined && !out.finished && !options.signal.aborted) {
      const more = await changes.wait();
      file ??= LogFile.open(path);
      if (file !== undefined) file = await catchUp(file, path, out);
      if (!more) break;
    }
  } finally {
    file?.close();
    changes?.stop();
  }
}

/** The files to read, oldest first, each at its first wanted line. */
function openTail(path: string, tail: number | undefined): LogFile[] {
  const files = openLog(path);
  if (tail !== undefined) {
    let missing = tail;
    for (const file of files.toReversed()) missing = file.seekTail(missing);
  }
  return files;
}

async function drain(file: LogFile, out: Output): Promise<void> {
  for (let lines = file.next(); lines !== undefined; lines = file.next()) await out.write(lines);
}

/** Reads to the end; after rotations, to the end of the old file and on through those that came after it. */
async function catchUp(file: LogFile, path: string, out: Output): Promise<LogFile> {
  file.rewind();
  await drain(file, out);
  if (statSync(path, { throwIfNoEntry: false })?.ino === file.inode) return file;
  const files = openLog(path);
  const place = files.findIndex(({ inode }) => inode === file.inode);
  const [older, newer] = [files.slice(0, place + 1), files.slice(place + 1)];
  older.forEach((one) => one.close());
  const last = newer.pop();
  if (last === undefined) return file;
  await drain(file, out).finally(() => file.close());
  for (const next of newer) await drain(next, out).finally(() => next.close());
  await drain(last, out);
  return last;
}

/** Selects, formats and writes entries, with back-pressure. */
class Output {
  finished = false;
  readonly #options: LogOptions;
  readonly #tty: boolean;
  readonly #sink: NodeJS.WritableStream;
  readonly #corrupt: (line: string) => void;

  constructor(options: LogOptions, tty: boolean, sink: NodeJS.WritableStream, corrupt: (line: string) => void) {
    this.#options = options;
    this.#tty = tty;
    this.#sink = sink;
    this.#corrupt = corrupt;
  }

  async write(lines: Buffer): Promise<void> {
    const pieces = this.#pieces(lines);
    if (pieces.length === 0 || this.#options.signal.aborted) return;
    if (this.#sink.write(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces))) return;
    await new Promise<void>((resolve) => {
      const go = () => {
        this.#sink.off('drain', go);
        this.#options.signal.removeEventListener('abort', go);
        resolve();
      };
      this.#sink.once('drain', go);
      this.#options.signal.addEventListener('abort', go);
    });
  }

  #pieces(lines: Buffer): Buffer[] {
    const { since, until, stdout, stderr, timestamps, details } = this.#options;
    const other = (line: Buffer) => (this.finished ? undefined : this.#piece(line.toString('utf8')));
    if (since === undefined && until === undefined && !timestamps && !details) {
      return translateLines(lines, { stdout, stderr, framed: !this.#tty }, other);
    }
    const pieces: (Buffer | undefined)[] = [];
    for (let at = 0; at < lines.length;) {
      const end = lines.indexOf(NEWLINE, at);
      pieces.push(other(lines.subarray(at, end)));
      at = end + 1;
    }
    return pieces.filter((piece) => piece !== undefined);
  }

  #piece(line: string): Buffer | undefined {
    let entry: Entry;
    try {
      entry = JSON.parse(line) as Entry;
    } catch {
      this.#corrupt(line);
      return undefined;
    }
    const { since, until, stdout, stderr, timestamps, details } = this.#options;
    const time = Date.parse(entry.time);
    if (since !== undefined && time < since) return undefined;
    if (until !== undefined && time > until) {
      this.finished = true;
      return undefined;
    }
    const isError = entry.stream === 'stderr';
    if (isError ? !stderr : !stdout) return undefined;
    const detailed = details ? `${attributeText(entry.attrs ?? {})} ${entry.log}` : entry.log;
    const text = Buffer.from(timestamps ? `${fixed(entry.time)} ${detailed}` : detailed);
    if (this.#tty) return text;
    const header = Buffer.alloc(8);
    header[0] = isError ? 2 : 1;
    header.writeUInt32BE(text.length, 4);
    return Buffer.concat([header, text]);
  }
}

/** `a=b,c=d`, in order, each escaped as in the query of a URL. */
function attributeText(attributes: Record<string, string>): string {
  const escaped = (text: string) => new URLSearchParams({ x: text }).toString().slice(2);
  return Object.entries(attributes)
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
    .sort()
    .join(',');
}

/** RFC 3339 with all nine decimals, so that columns line up. */
function fixed(time: string): string {
  const match = /^(.*?)(?:\.(\d+))?Z$/.exec(time);
  return match === null ? time : `${match[1]}.${(match[2] ?? '').padEnd(9, '0')}Z`;
}

/** Wakes at a change in the container's directory, and for the last time when it exited, the client left or `until` passed. */
class Changes {
  readonly #stops: (() => void)[] = [];
  #changed = false;
  #over = false;
  #wake: (() => void) | undefined;

  constructor(container: Container, options: LogOptions) {
    const watcher = watch(container.directory, { persistent: false }, () => {
      this.#changed = true;
      this.#wake?.();
    });
    const end = () => {
      this.#over = true;
      this.#wake?.();
    };
    watcher.on('error', end);
    options.signal.addEventListener('abort', end);
    const timer = options.until === undefined ? undefined : setTimeout(end, Math.max(0, options.until - Date.now()));
    this.#stops.push(
      container.waiters.onExit(end),
      () => watcher.close(),
      () => options.signal.removeEventListener('abort', end),
      () => clearTimeout(timer),
    );
  }

  /** False when this was the last time. */
  async wait(): Promise<boolean> {
    if (!this.#changed && !this.#over) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = undefined;
    this.#changed = false;
    return !this.#over;
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }
}

// A build's context as the archive that the daemon takes: of a directory, only the files that .dockerignore leaves, read while
// they are sent. Runs in the CLI, as the user. docker/cli: cli/command/image/build/context.go

import { lstatSync, readFileSync, readdirSync, readlinkSync, existsSync, type Stats } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { IgnoreRules, readIgnoreFile, type ParentMatch } from '../../build/ignore.ts';
import { TarWriter } from '../../snapshot/tar/writer.ts';
import type { Entry, EntryType } from '../../snapshot/tar/entry.ts';

/** Bytes that are gathered before they are sent. */
const PIECE = 256 * 1024;

export interface ContextSource {
  /** name of the Dockerfile in the archive */
  dockerfile: string;
  archive: AsyncIterable<Uint8Array>;
  /** its lines, to show where a step failed; undefined when only the daemon has it */
  text: string | undefined;
}

/** An archive that holds a Dockerfile and nothing else. */
export function dockerfileAlone(text: string): ContextSource {
  return { dockerfile: 'Dockerfile', text, archive: pieces([made('Dockerfile', text)]) };
}

/**
 * The files of a directory. `file`: what -f names; `given`: a Dockerfile from standard input.
 * @throws Error with docker's texts
 */
export function directoryContext(
  directory: string,
  { file, given }: { file: string | undefined; given: string | undefined },
): ContextSource {
  const root = resolve(directory);
  const stat = lstatOf(root);
  if (!stat) throw new Error(`unable to prepare context: path ${JSON.stringify(directory)} not found`);
  if (!existsSync(join(root, '.'))) throw new Error(`unable to prepare context: ${directory} is not a directory`);
  const path = file === undefined ? join(root, 'Dockerfile') : resolve(file);
  const text = given ?? readText(file === undefined ? lowerCase(path) : path);
  if (text === undefined) {
    throw new Error(
      `unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat ${path}: no such file or directory`,
    );
  }
  const name = relative(root, path);
  const outside = given !== undefined || isAbsolute(name) || name === '..' || name.startsWith('../');
  const ignore = outside ? undefined : readText(`${path}.dockerignore`);
  const lines = readIgnoreFile(ignore ?? readText(join(root, '.dockerignore')) ?? '');
  if (!outside) {
    const rules = new IgnoreRules(lines);
    // The daemon reads these two, and takes them away again where the rules say so.
    for (const kept of ['.dockerignore', name]) if (rules.excludes(kept)) lines.push(`!${kept}`);
    const dockerfile = existsSync(path) ? name : 'dockerfile';
    return { dockerfile, text, archive: pieces(filesOf(root, new IgnoreRules(lines))) };
  }
  const sent = `.dockerfile.${Date.now().toString(36)}${process.pid}`;
  const hidden = `${readText(join(root, '.dockerignore')) ?? '.dockerignore'}\n${sent}\n`;
  const extra = [made(sent, text), made('.dockerignore', hidden)];
  return {
    dockerfile: sent,
    text,
    archive: pieces(filesOf(root, new IgnoreRules([...lines, '.dockerignore'])), extra),
  };
}

/** Docker takes `dockerfile` where there is no `Dockerfile`. */
function lowerCase(path: string): string {
  return existsSync(path) ? path : path.replace(/Dockerfile$/, 'dockerfile');
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

interface File {
  entry: Entry;
  content?: () => Buffer;
}

function made(name: string, text: string): File {
  const content = Buffer.from(text);
  const mtimeNs = 0n;
  const entry: Entry = {
    ...{ name: binary(name), type: 'file', linkname: '', mode: 0o600, uid: 0, gid: 0, mtimeNs },
    size: content.length,
    xattrs: new Map(),
  };
  return { entry, content: () => content };
}

const binary = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

function* filesOf(root: string, rules: IgnoreRules): Generator<File> {
  function* visit(directory: string, parent: ParentMatch | undefined): Generator<File> {
    for (const name of readdirSync(join(root, directory)).sort()) {
      const path = directory === '' ? name : `${directory}/${name}`;
      const stat = lstatOf(join(root, path));
      if (!stat) continue;
      const { excluded, match } = rules.walk(path, parent);
      if (!excluded) {
        const file = fileAt(join(root, path), path, stat);
        if (file) yield file;
      }
      if (stat.isDirectory() && (!excluded || rules.reaches(path))) yield* visit(path, match);
    }
  }
  yield* visit('', undefined);
}

/** Undefined for what an archive has no place for: sockets and devices. */
function fileAt(path: string, name: string, stat: Stats): File | undefined {
  const type: EntryType | undefined = stat.isFile()
    ? 'file'
    : stat.isDirectory()
      ? 'directory'
      : stat.isSymbolicLink()
        ? 'symlink'
        : stat.isFIFO()
          ? 'fifo'
          : undefined;
  if (!type) return undefined;
  const content = type === 'file' ? readFileSync(path) : undefined;
  const entry: Entry = {
    name: binary(name),
    type,
    linkname: type === 'symlink' ? binary(readlinkSync(path)) : '',
    mode: stat.mode & 0o7777,
    uid: 0,
    gid: 0,
    mtimeNs: BigInt(Math.floor(stat.mtimeMs / 1000)) * 1_000_000_000n,
    size: content?.length ?? 0,
    xattrs: new Map(),
  };
  return { entry, ...(content && { content: () => content }) };
}

function lstatOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

async function* pieces(files: Iterable<File>, more: File[] = []): AsyncGenerator<Uint8Array> {
  let waiting: Buffer[] = [];
  let size = 0;
  const writer = new TarWriter((chunk) => {
    // The writer's chunks are valid during the call alone.
    waiting.push(Buffer.from(chunk));
    size += chunk.length;
  });
  const take = () => {
    const piece = Buffer.concat(waiting, size);
    waiting = [];
    size = 0;
    return piece;
  };
  for (const list of [files, more]) {
    for (const { entry, content } of list) {
      writer.entry(entry);
      if (entry.type === 'file') {
        if (content) writer.data(content(), 0);
        writer.fileEnd();
      }
      if (size >= PIECE) yield take();
    }
  }
  writer.end();
  yield take();
}

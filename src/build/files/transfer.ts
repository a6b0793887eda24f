// Writes what COPY and ADD copy into a workspace, by Docker's rules of destinations. Runs in the daemon.
// moby: daemon/builder/dockerfile/copy.go, performCopyForInfo

import type { UpperWriter, Owner } from '../../snapshot/upper-writer.ts';
import { newDirectory } from '../../snapshot/upper-writer.ts';
import type { Entry } from '../../snapshot/tar/entry.ts';
import { cleanPath } from '../path-match.ts';
import type { ModeChange } from './chmod.ts';
import { filesOf, type Source } from './sources.ts';

export interface TransferOptions {
  /** absolute; a trailing slash means a directory. Binary string */
  destination: string;
  /** who gets the files; undefined: whoever has them */
  owner: Owner | undefined;
  mode: ModeChange | undefined;
  /** --parents: the source's own directories are made below the destination */
  parents: boolean;
}

const SETUID = 0o4000;
const SETGID = 0o2000;
const GROUP_EXECUTE = 0o010;

/** One source into the workspace. A generator of nothing, so that its caller can let others work in between. */
export function* transfer(writer: UpperWriter, source: Source, options: TransferOptions): Generator<void, void> {
  const target = targetOf(writer, source, options);
  const copy = { ...options, hardLinks: new Map<string, string>() };
  for (const file of filesOf(source)) {
    const name = source.directory ? join(target, file.relative) : target;
    writeFile(writer, { entry: file.entry, name, linked: file.linked, read: file.read }, copy);
    yield;
  }
}

const join = (parent: string, name: string) => (parent === '' ? name : name === '' ? parent : `${parent}/${name}`);

/** The path that the source itself gets. A directory's content goes into the destination, which is made when missing. */
function targetOf(writer: UpperWriter, source: Source, { destination, owner, parents }: TransferOptions): string {
  const base = cleanPath(`/${destination}`).slice(1);
  if (parents) return parentsOf(writer, source, { base, owner });
  const { path, kind } = writer.resolve(base);
  if (source.directory) {
    if (kind !== 'directory') writer.write(newDirectory(path, owner ?? ROOT), { owner });
    else writer.parent(path, owner);
    return path;
  }
  const into = kind === 'directory' || destination.endsWith('/');
  return into ? join(path, source.path.split('/').at(-1)!) : path;
}

const ROOT: Owner = { uid: 0, gid: 0 };

/** `a/b/c` below the destination; what stands before `/./` is left out. Directories look as they do in the source. */
function parentsOf(
  writer: UpperWriter,
  source: Source,
  { base, owner }: { base: string; owner: Owner | undefined },
): string {
  const parts = source.path.split('/');
  const last = source.directory ? parts.length : parts.length - 1;
  for (let at = source.skip; at < last; at++) {
    const name = join(base, parts.slice(source.skip, at + 1).join('/'));
    const original = source.from.tree.find(parts.slice(0, at + 1).join('/'));
    const look = original?.entry.type === 'directory' ? original.entry : newDirectory(name, ROOT);
    if (writer.resolve(name).kind !== 'directory') writer.write({ ...look, name, ...owner }, { owner });
  }
  return join(base, parts.slice(source.skip).join('/'));
}

interface FileToWrite {
  entry: Entry;
  name: string;
  linked: string | undefined;
  read(data: (chunk: Uint8Array, offset: number) => void): void;
}

function writeFile(
  writer: UpperWriter,
  { entry, name, linked, read }: FileToWrite,
  { owner, mode, hardLinks }: TransferOptions & { hardLinks: Map<string, string> },
): void {
  const look = { ...entry, name, ...owner };
  const capability = entry.xattrs.get('security.capability');
  look.xattrs = new Map(capability && !owner ? [['security.capability', capability]] : []);
  // A change of owner takes these away, as chown(2) does: Docker's builder chowns what it has copied.
  if (owner && entry.type === 'file') {
    look.mode &= ~SETUID;
    if (look.mode & GROUP_EXECUTE) look.mode &= ~SETGID;
  }
  if (mode && entry.type !== 'symlink') look.mode = mode(look.mode, entry.type === 'directory');
  const first = linked === undefined ? undefined : hardLinks.get(linked);
  if (first !== undefined) return writer.write({ ...look, type: 'link', linkname: first, size: 0 }, { owner });
  if (linked !== undefined) hardLinks.set(linked, join(writer.parent(dirname(name), owner), basename(name)));
  writer.write(look, { owner, content: read });
}

const dirname = (path: string) => path.split('/').slice(0, -1).join('/');
const basename = (path: string) => path.split('/').at(-1)!;

// Where an archive of a file or directory is to be extracted, and under which name, so that what was asked for is there
// afterwards. Pure. moby: pkg/archive/copy.go (PrepareArchiveCopy, RebaseArchiveEntries).

import { assertsDirectory, splitEntry } from './path.ts';
import type { Entry } from '../../snapshot/tar/entry.ts';

export interface Place {
  path: string;
  exists: boolean;
  isDirectory: boolean;
  /** the name that the archive has for the source, where it is not the path's last part */
  name?: string;
}

export interface CopyPlan {
  /** where to extract */
  directory: string;
  /** the entry as it is to be extracted */
  rebase(entry: Entry): Entry;
}

/** @throws Error with Docker's texts where source and destination do not go together */
export function planCopy(source: Place, destination: Place): CopyPlan {
  const { directory, base } = splitEntry(destination.path);
  if (destination.exists && destination.isDirectory) {
    return { directory: destination.path, rebase: (entry) => entry };
  }
  if (destination.exists && source.isDirectory) throw new Error('cannot copy directory');
  if (!destination.exists && !source.isDirectory && assertsDirectory(destination.path)) {
    throw new Error('no such directory');
  }
  return { directory, rebase: renaming(source.name || splitEntry(source.path).base, base) };
}

/** Replaces the first part of every name. Of the root, names begin with a slash, so the new name is put before it. */
export function renaming(from: string, to: string): (entry: Entry) => Entry {
  const [old, fresh] = [from === '/' ? '' : from, to].map((name) => Buffer.from(name, 'utf8').toString('latin1'));
  const renamed = (name: string) => (name.startsWith(old!) ? fresh! + name.slice(old!.length) : name);
  return (entry) => ({
    ...entry,
    name: renamed(entry.name),
    linkname: entry.type === 'link' ? renamed(entry.linkname) : entry.linkname,
  });
}

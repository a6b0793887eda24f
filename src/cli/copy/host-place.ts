// What a path of `cp` is on this side: source or destination, links resolved as docker resolves them. Reads only. Runs in the
// CLI, as the user. moby: pkg/archive/copy.go (CopyInfoSourcePath, CopyInfoDestinationPath).

import { lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { posix, resolve } from 'node:path';
import { errnoOf } from '../../base/errors.ts';
import { clean, hasTrailingSlash, keepEnd, rebased, splitEntry } from './path.ts';
import type { Place } from './plan.ts';

const MAX_LINKS = 10;

/** The path from the root, with the end that had a meaning. */
export function absolute(path: string): string {
  return keepEnd(resolve(path), path);
}

/** @param path absolute. @throws Error in Go's words when it does not exist */
export function sourceOnHost(path: string, followLink: boolean): Place {
  let found: { path: string; name: string };
  if (followLink) {
    found = rebased(
      path,
      said('lstat', path, () => realpathSync(path)),
    );
  } else {
    const slash = path.lastIndexOf('/') + 1;
    const directory = said('lstat', path, () => realpathSync(path.slice(0, slash)));
    const resolved = `${directory}/${path.slice(slash)}`;
    const renamed = hasTrailingSlash(path) && posix.basename(path) !== posix.basename(resolved);
    found = { path: resolved, name: renamed ? posix.basename(path) : '' };
  }
  const stat = said('lstat', found.path, () => lstatSync(found.path));
  return { path: found.path, exists: true, isDirectory: stat.isDirectory(), ...(found.name && { name: found.name }) };
}

/** @param path absolute. @throws Error when its directory does not exist, or links lead in a circle */
export function destinationOnHost(path: string): Place {
  let here = path;
  for (let links = 0; ; links++) {
    const stat = lstatSync(here, { throwIfNoEntry: false });
    if (!stat) {
      const { directory } = splitEntry(here);
      if (!said('stat', directory, () => statSync(directory)).isDirectory()) throw new Error('not a directory');
      return { path: here, exists: false, isDirectory: false };
    }
    if (!stat.isSymbolicLink()) return { path: here, exists: true, isDirectory: stat.isDirectory() };
    if (links > MAX_LINKS) throw new Error(`too many symlinks in ${path}`);
    here = resolve(splitEntry(here).directory, readlinkSync(here));
  }
}

/** @throws Error when nothing can be written there: no directory around it, or a device */
export function checkOutputPath(path: string): void {
  const directory = posix.dirname(clean(path));
  if (directory !== '.' && !statSync(directory, { throwIfNoEntry: false })) {
    throw new Error(`invalid output path: directory ${JSON.stringify(directory)} does not exist`);
  }
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat || stat.isDirectory() || stat.isFile()) return;
  const what = stat.isBlockDevice() || stat.isCharacterDevice() ? 'got a device' : 'got an irregular file';
  throw new Error(`invalid output path: ${JSON.stringify(path)} must be a directory or a regular file: ${what}`);
}

function said<T>(call: string, path: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    throw new Error(`${call} ${path}: no such file or directory`, { cause: error });
  }
}

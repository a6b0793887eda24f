// Names of archive entries as paths inside a layer. Pure functions on binary strings (see tar/entry.ts).
// OCI image-spec layer.md#whiteouts.

import { invalidArgument } from '../base/errors.ts';
import { show } from './tar/reader.ts';

/** Longest path that a system call takes, without its NUL. */
export const MAX_PATH = 4095;

/** A path inside the layer, relative and clean: no empty part, no `.`, no `..`; the layer's root is ''. */
export interface LayerPath {
  parent: string;
  name: string;
}

/**
 * Makes an archived name relative to the layer: a leading slash means the layer's root.
 * @throws invalidArgument when it climbs out of the layer, is too long, or holds a NUL.
 */
export function layerPath(archived: string): LayerPath {
  if (archived.includes('\0')) throw invalidArgument(`entry ${show(archived)}: a name cannot hold a NUL`);
  const parts: string[] = [];
  for (const part of archived.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) throw invalidArgument(`entry ${show(archived)} climbs out of the layer`);
  }
  const name = parts.pop() ?? '';
  const parent = parts.join('/');
  if (parent.length + name.length + 1 > MAX_PATH)
    throw invalidArgument(`entry ${show(archived)}: the name is too long`);
  return { parent, name };
}

/** The parent of a clean path, as a path and a last part. */
export function splitPath(path: string): LayerPath {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? { parent: '', name: path } : { parent: path.slice(0, slash), name: path.slice(slash + 1) };
}

export function joinPath(parent: string, name: string): string {
  return parent && name ? `${parent}/${name}` : parent || name;
}

export const WHITEOUT_PREFIX = '.wh.';
export const OPAQUE_NAME = '.wh..wh..opq';

/** What a last part means: a file, the removal of one, or that its directory hides what is below. */
export type Meaning = { kind: 'file' } | { kind: 'whiteout'; of: string } | { kind: 'opaque' } | { kind: 'ignored' };

/** @throws invalidArgument for a whiteout of nothing, `.` or `..`. */
export function meaningOf(name: string): Meaning {
  if (!name.startsWith(WHITEOUT_PREFIX)) return { kind: 'file' };
  if (name === OPAQUE_NAME) return { kind: 'opaque' };
  // Bookkeeping of aufs (.wh..wh.plnk, .wh..wh.aufs): Docker leaves it out as well.
  if (name.startsWith(`${WHITEOUT_PREFIX}${WHITEOUT_PREFIX}`)) return { kind: 'ignored' };
  const of = name.slice(WHITEOUT_PREFIX.length);
  if (of === '' || of === '.' || of === '..') throw invalidArgument(`entry ${show(name)} is a whiteout of no name`);
  return { kind: 'whiteout', of };
}

/** A binary string as the addon takes paths: plain text where that is the same bytes. */
export function raw(name: string): string | Buffer {
  return /^[\x01-\x7f]*$/.test(name) ? name : Buffer.from(name, 'latin1');
}

// What COPY and ADD take: names and wildcards looked up in a context, a stage or an image, and the digests that decide whether
// the cache has them. Runs in the daemon. moby: daemon/builder/dockerfile/copy.go

import { createHash } from 'node:crypto';
import { digestOf, type Digest } from '../../base/digest.ts';
import { invalidArgument } from '../../base/errors.ts';
import type { MergedTree, TreeFile } from '../../snapshot/merged-tree.ts';
import { IgnoreRules } from '../ignore.ts';
import { cleanPath, hasWildcards, matchPath } from '../path-match.ts';

/** Where files come from. */
export interface SourceTree {
  tree: MergedTree;
  /** digests that are known already, by path */
  digests?: ReadonlyMap<string, Digest>;
  /** the client's context: what is not there may have been left out by .dockerignore */
  context: boolean;
}

/** One thing to copy. Paths are binary strings. */
export interface Source {
  from: SourceTree;
  /** relative to the tree's root; '' is the root */
  path: string;
  /** how many of its first parts --parents leaves out: those before `/./` */
  skip: number;
  directory: boolean;
  /** Patterns of --exclude; paths are relative to the source when it is a directory. */
  exclude: IgnoreRules | undefined;
  /** came from the network: archives stay as they are */
  downloaded: boolean;
}

export const binary = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
export const printable = (path: string) => Buffer.from(path, 'latin1').toString('utf8');

/** @throws invalidArgument with Docker's texts for what is not there, and for what lies outside of the context */
export function findSources(
  words: string[],
  { from, keyword, exclude }: { from: SourceTree; keyword: string; exclude: string[] },
): Source[] {
  const rules = exclude.length > 0 ? new IgnoreRules(exclude.map(binary)) : undefined;
  const found = words.flatMap((word) => findSource(word, { from, keyword, rules }));
  if (found.length === 0) throw invalidArgument(`${keyword} failed: no source files were specified`);
  return found;
}

interface Look {
  from: SourceTree;
  keyword: string;
  rules: IgnoreRules | undefined;
}

function findSource(word: string, look: Look): Source[] {
  const relative = binary(word)
    .replace(/^\/+/, '')
    .replace(/^\.\/+/, '');
  if (look.from.context && (cleanPath(relative) === '..' || cleanPath(relative).startsWith('../'))) {
    throw invalidArgument(`${look.keyword} failed: forbidden path outside the build context: ${word} ()`);
  }
  const pivot = relative.indexOf('/./');
  const skip = pivot < 0 ? 0 : relative.slice(0, pivot).split('/').length;
  if (!hasWildcards(relative)) return [{ ...sourceAt(relative, word, look), skip }];
  const pattern = cleanPath(relative);
  const sources: Source[] = [];
  // As deep as the pattern goes; what is below cannot match.
  const depth = pattern.split('/').length;
  const enter = (directory: string) => directory.split('/').length < depth;
  for (const { entry } of look.from.tree.walk('', enter)) {
    if (!matchPath(pattern, entry.name) || look.rules?.excludes(entry.name)) continue;
    sources.push({ ...sourceAt(entry.name, printable(entry.name), look), skip });
  }
  return sources;
}

function sourceAt(path: string, word: string, { from, keyword, rules }: Look): Omit<Source, 'skip'> {
  const clean = cleanPath(path) === '.' ? '' : cleanPath(`/${path}`).slice(1);
  const found = from.tree.find(clean);
  if (!found) {
    const why = from.context ? 'file not found in build context or excluded by .dockerignore: ' : '';
    throw invalidArgument(`${keyword} failed: ${why}stat ${word}: file does not exist`);
  }
  return { from, path: clean, directory: found.entry.type === 'directory', exclude: rules, downloaded: false };
}

/** The files of one source, relative to it when it is a directory; the excluded ones left out. */
export function* filesOf({ from, path, directory, exclude }: Source): Generator<TreeFile & { relative: string }> {
  if (!directory) {
    const file = from.tree.find(path)!;
    yield { ...file, relative: '' };
    return;
  }
  const root = from.tree.find(path)!.entry.name;
  const strip = root === '' ? 0 : root.length + 1;
  const inside = (name: string) => name.slice(strip);
  const enter = (name: string) => !exclude?.excludes(inside(name)) || exclude.reaches(inside(name));
  for (const file of from.tree.walk(path, enter)) {
    const relative = inside(file.entry.name);
    if (!exclude?.excludes(relative)) yield { ...file, relative };
  }
}

export interface SourceDigest {
  digest: Digest;
  /** of each regular file, by its path for people */
  files: Record<string, Digest>;
}

/**
 * What decides whether two sources are the same: names, kinds, modes, links and contents; owners where they are kept; never
 * times. A generator of nothing, so that its caller can let others work in between.
 */
export function* digestSource(source: Source, { owners }: { owners: boolean }): Generator<void, SourceDigest> {
  const lines: unknown[] = [];
  const files: Record<string, Digest> = {};
  for (const file of filesOf(source)) {
    const { entry, relative } = file;
    const { type, mode, uid, gid, linkname, xattrs } = entry;
    const content = type === 'file' ? contentDigest(source.from, file) : '';
    if (type === 'file') files[printable(entry.name)] = content as Digest;
    const attributes = [...xattrs].map(([name, value]) => [name, value.toString('base64')]);
    lines.push([relative, type, mode, owners ? [uid, gid] : [], linkname, content, attributes]);
    yield;
  }
  return { digest: digestOf(JSON.stringify(lines)), files };
}

function contentDigest({ digests }: SourceTree, { entry, read }: TreeFile): Digest {
  const known = digests?.get(entry.name);
  if (known) return known;
  const hash = createHash('sha256');
  read((chunk) => void hash.update(chunk));
  return `sha256:${hash.digest('hex')}`;
}

// .dockerignore: which files of a directory belong to the build context. Pure. Runs in the CLI, which sends only those, and in
// the daemon. moby/patternmatcher, whose rules differ from .gitignore's and from those of the npm packages for either: a
// pattern is anchored at the root, a match of any parent counts, `!` in a later line wins.

import { invalidArgument } from '../base/errors.ts';
import { cleanPath, matchPath, SPECIAL } from './path-match.ts';

interface Pattern {
  /** cleaned, without `!` */
  text: string;
  exclusion: boolean;
  matches(path: string): boolean;
}

/** What of a directory's patterns matched: handed down to what is in it. */
export type ParentMatch = readonly boolean[];

/** The patterns of a .dockerignore file, one a line; comments and blank lines left out. */
export function readIgnoreFile(text: string): string[] {
  const patterns: string[] = [];
  for (const line of text.replace(/^\uFEFF/, '').split('\n')) {
    if (line.startsWith('#')) continue;
    const trimmed = line.trim();
    if (trimmed === '') continue;
    const invert = trimmed.startsWith('!');
    let pattern = invert ? trimmed.slice(1).trim() : trimmed;
    if (pattern !== '') {
      pattern = cleanPath(pattern);
      if (pattern.length > 1 && pattern.startsWith('/')) pattern = pattern.slice(1);
    }
    patterns.push(invert ? `!${pattern}` : pattern);
  }
  return patterns;
}

export class IgnoreRules {
  readonly #patterns: Pattern[];

  /** @throws invalidArgument for a pattern that is not one */
  constructor(lines: string[]) {
    this.#patterns = lines.filter((line) => line.trim() !== '').map(patternOf);
  }

  /** Whether `path` (relative, with slashes) is left out; for a single look-up. */
  excludes(path: string): boolean {
    let excluded = false;
    for (const pattern of this.#patterns) {
      // A pattern that would change nothing need not be looked at.
      if (pattern.exclusion !== excluded) continue;
      if (pattern.matches(path) || parentsOf(path).some((parent) => pattern.matches(parent))) {
        excluded = !pattern.exclusion;
      }
    }
    return excluded;
  }

  /** The same while walking a tree: `parent` is what its directory got, undefined at the root. */
  walk(path: string, parent: ParentMatch | undefined): { excluded: boolean; match: ParentMatch } {
    let excluded = false;
    const match = this.#patterns.map((pattern, at) => {
      let matched = parent?.[at] ?? false;
      if (!matched) {
        if (pattern.exclusion !== excluded) return false;
        matched = pattern.matches(path);
      }
      if (matched) excluded = !pattern.exclusion;
      return matched;
    });
    return { excluded, match };
  }

  /** Whether something in an excluded directory may come back: a `!pattern` begins with it. */
  reaches(directory: string): boolean {
    return this.#patterns.some(({ exclusion, text }) => exclusion && `${text}/`.startsWith(`${directory}/`));
  }
}

function parentsOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join('/'));
}

function patternOf(line: string): Pattern {
  let text = cleanPath(line.trim());
  const exclusion = text.startsWith('!');
  if (exclusion) {
    if (text.length === 1) throw invalidArgument('illegal exclusion pattern: "!"');
    text = text.slice(1);
  }
  // For its judgement of the syntax alone.
  matchPath(text, '.');
  return { text, exclusion, matches: compile(text) };
}

/** `**` spans directories, `*` and `?` do not. */
function compile(pattern: string): (path: string) => boolean {
  const characters = [...pattern];
  let source = '^';
  let kind: 'exact' | 'prefix' | 'suffix' | 'expression' = 'exact';
  for (let at = 0; at < characters.length; at++) {
    const first = at === 0;
    const character = characters[at]!;
    if (character === '*' && characters[at + 1] === '*') {
      at++;
      if (characters[at + 1] === '/') at++;
      if (at + 1 < characters.length) {
        source += '(.*/)?';
        kind = 'expression';
      } else if (kind === 'exact') kind = 'prefix';
      else {
        source += '.*';
        kind = 'expression';
      }
      // Docker's matcher takes a leading `**` for a plain suffix, until a later wildcard says otherwise.
      if (first) kind = 'suffix';
    } else if (character === '*') {
      source += '[^/]*';
      kind = 'expression';
    } else if (character === '?') {
      source += '[^/]';
      kind = 'expression';
    } else if (character === '\\' && at + 1 < characters.length) {
      const escaped = characters[++at]!;
      source += SPECIAL.test(escaped) ? `\\${escaped}` : escaped;
      kind = 'expression';
    } else if (character === '[' || character === ']') {
      source += character;
      kind = 'expression';
    } else source += SPECIAL.test(character) ? `\\${character}` : character;
  }
  if (kind === 'exact') return (path) => path === pattern;
  if (kind === 'prefix') return (path) => path.startsWith(pattern.slice(0, -2));
  if (kind === 'suffix') {
    const suffix = pattern.slice(2);
    return (path) => path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1));
  }
  let expression: RegExp;
  try {
    expression = new RegExp(`${source}$`, 's');
  } catch (error) {
    throw invalidArgument(`syntax error in pattern ${JSON.stringify(pattern)}`, { cause: error });
  }
  return (path) => expression.test(path);
}

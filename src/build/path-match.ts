// Paths and wildcards as Go's path/filepath has them, which COPY, ADD and .dockerignore are defined by. Pure.
// Runs in the CLI and in the daemon. https://pkg.go.dev/path/filepath#Match

import { invalidArgument } from '../base/errors.ts';

/** What has a meaning in a regular expression. */
export const SPECIAL = /[\\^$.*+?()[\]{}|/]/;

/** filepath.Clean: no `.`, no empty part, `..` taken back where possible; never ends in a slash. */
export function cleanPath(path: string): string {
  const rooted = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (!rooted) parts.push(part);
  }
  const joined = parts.join('/');
  return rooted ? `/${joined}` : joined || '.';
}

export function hasWildcards(name: string): boolean {
  return /[*?[]/.test(name.replace(/\\./gs, ''));
}

const compiled = new Map<string, RegExp>();

/** filepath.Match: `*` and `?` stay within one part. @throws invalidArgument `syntax error in pattern` */
export function matchPath(pattern: string, name: string): boolean {
  let expression = compiled.get(pattern);
  if (!expression) {
    if (compiled.size > 500) compiled.clear();
    compiled.set(pattern, (expression = expressionOf(pattern)));
  }
  return expression.test(name);
}

function expressionOf(pattern: string): RegExp {
  const characters = [...pattern];
  const bad = () => invalidArgument(`syntax error in pattern: ${pattern}`);
  let source = '^';
  let at = 0;
  const literal = () => {
    let character = characters[at++];
    if (character === '\\') character = characters[at++];
    if (character === undefined) throw bad();
    return SPECIAL.test(character) || character === '-' ? `\\${character}` : character;
  };
  while (at < characters.length) {
    const character = characters[at]!;
    if (character === '*') {
      source += '[^/]*';
      at++;
    } else if (character === '?') {
      source += '[^/]';
      at++;
    } else if (character === '[') {
      at++;
      const negated = characters[at] === '^';
      if (negated) at++;
      let set = '';
      for (let first = true; first || characters[at] !== ']'; first = false) {
        if (at >= characters.length || '-]'.includes(characters[at]!)) throw bad();
        const low = literal();
        if (characters[at] !== '-') {
          set += low;
          continue;
        }
        at++;
        if (at >= characters.length || '-]'.includes(characters[at]!)) throw bad();
        const high = literal();
        // An empty range matches nothing; a regular expression does not take one.
        if (high.replace('\\', '') >= low.replace('\\', '')) set += `${low}-${high}`;
      }
      at++;
      source += negated ? `(?!/)[^${set}]` : set === '' ? '[]' : `[${set}]`;
    } else source += literal().replace(/^\\-$/, '-');
  }
  return new RegExp(`${source}$`, 'su');
}

// Go's path.Match: `*` and `?` match no slash, `[a-z]` and `[^a]` are classes, `\` takes away a meaning. Pure.

import { invalidArgument } from '../../base/errors.ts';

/** @throws invalidArgument for a pattern that Go refuses */
export function globMatches(pattern: string, text: string): boolean {
  const expression = compile(pattern);
  return expression.test(text);
}

function compile(pattern: string): RegExp {
  let source = '';
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!;
    if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '\\') source += quote(next(pattern, ++i));
    else if (char === '[') {
      const [part, end] = classAt(pattern, i + 1);
      source += part;
      i = end;
    } else source += quote(char);
  }
  try {
    return new RegExp(`^${source}$`, 's');
  } catch {
    // A class such as [z-a].
    throw bad(pattern);
  }
}

/** The class after `[` at `start`, and the index of its `]`. */
function classAt(pattern: string, start: number): [string, number] {
  let i = start;
  const negated = pattern[i] === '^';
  if (negated) i++;
  let items = '';
  while (pattern[i] !== ']') {
    if (pattern[i] === '\\') i++;
    const from = next(pattern, i++);
    items += quoteInClass(from);
    if (pattern[i] === '-' && pattern[i + 1] !== ']') {
      if (pattern[++i] === '\\') i++;
      items += `-${quoteInClass(next(pattern, i++))}`;
    }
  }
  if (items === '') throw bad(pattern);
  return [negated ? `(?!/)[^${items}]` : `[${items}]`, i];
}

function next(pattern: string, i: number): string {
  const char = pattern[i];
  if (char === undefined) throw bad(pattern);
  return char;
}

const bad = (pattern: string) => invalidArgument(`syntax error in pattern ${JSON.stringify(pattern)}`);
const quote = (char: string) => char.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
const quoteInClass = (char: string) => char.replace(/[\\\]^-]/g, '\\$&');

// Patterns of `${name#pattern}`, `${name%pattern}` and `${name/pattern/…}`: `*`, `?` and escapes, as regular expressions.
// Pure. POSIX shell, "Pattern Matching Notation", without brackets. Runs wherever a Dockerfile is read.

const SPECIAL = /[[\]{}.+()|^$/]/;

/** @throws Error for an escape that means nothing */
export function matcher(
  pattern: string,
  { greedy, anchored, flags = 'u' }: { greedy: boolean; anchored: boolean; flags?: string },
): RegExp {
  const characters = [...pattern];
  let source = anchored ? '^' : '';
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!;
    if (character === '*') source += greedy ? '.*' : '.*?';
    else if (character === '?') source += '.';
    else if (character === '\\') {
      const next = characters[at + 1];
      // These two had to be escaped to stand inside ${}; the escape is not part of the pattern.
      if (next === '}' || next === '/') continue;
      if (next === undefined || !'*?\\'.includes(next)) {
        throw new Error(`invalid pattern (${pattern}) in substitution: invalid escape '\\${next ?? ''}'`);
      }
      source += `\\${next}`;
      at++;
    } else source += SPECIAL.test(character) ? `\\${character}` : character;
  }
  return new RegExp(source, flags);
}

interface Trim {
  pattern: string;
  /** the longest match instead of the shortest */
  greedy: boolean;
}

/** `${value#pattern}` */
export function trimPrefix(value: string, { pattern, greedy }: Trim): string {
  const found = matcher(pattern, { greedy, anchored: true }).exec(value);
  return found ? value.slice(found[0].length) : value;
}

/** `${value%pattern}`: the same from behind, since a regular expression finds the leftmost match, not the rightmost. */
export function trimSuffix(value: string, { pattern, greedy }: Trim): string {
  return reversed(trimPrefix(reversed(value), { pattern: reversedPattern(pattern), greedy }));
}

const reversed = (text: string) => [...text].reverse().join('');

/** Escapes stay before what they escape. */
function reversedPattern(pattern: string): string {
  return (pattern.match(/\\.|[^]/gsu) ?? []).reverse().join('');
}

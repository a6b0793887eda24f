// Values as Go's fmt prints them, since an image's history holds such text. Pure. Runs in the daemon.

/** %q of a string */
export function goQuoted(text: string): string {
  let result = '"';
  for (const character of text) result += escaped(character, '"');
  return `${result}"`;
}

/** %q of a list */
export function goQuotedList(list: string[]): string {
  return `[${list.map(goQuoted).join(' ')}]`;
}

/** %q of a number */
export function goQuotedRune(rune: number): string {
  return `'${escaped(String.fromCodePoint(rune), "'")}'`;
}

const SHORT: Record<string, string> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};

function escaped(character: string, quote: string): string {
  if (character === quote) return `\\${quote}`;
  const short = SHORT[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0)!;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(character) || (/\p{Z}/u.test(character) && character !== ' ')) {
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
  }
  return character;
}

/** time.Duration's String, of nanoseconds */
export function goDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s';
  if (nanoseconds < 1e9) {
    const [unit, size] = nanoseconds < 1e3 ? ['ns', 1] : nanoseconds < 1e6 ? ['µs', 1e3] : ['ms', 1e6];
    return `${nanoseconds / (size as number)}${unit}`;
  }
  const whole = Math.trunc(nanoseconds / 1e9);
  const hours = Math.trunc(whole / 3600);
  const minutes = Math.trunc(whole / 60) % 60;
  const seconds = `${(whole % 60) + (nanoseconds % 1e9) / 1e9}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

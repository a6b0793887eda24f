// Variables, quotes and escapes in the words of a Dockerfile: `$name`, `${name}` and its modifiers
// (`:-` `-` `:+` `+` `:?` `?` `#` `##` `%` `%%` `/` `//`). Pure. Follows the Dockerfile reference, "Environment replacement",
// where a shell and a Dockerfile differ. Runs in the daemon, and in the CLI for `lint`.

import { invalidArgument, messageOf } from '../../base/errors.ts';
import { matcher, trimPrefix, trimSuffix } from './glob-expansion.ts';

export interface ExpandOptions {
  /** `\` or a backtick */
  escape: string;
  /** the value of a variable; undefined when it is not set */
  value(name: string): string | undefined;
  /** quotes stay in the result */
  rawQuotes?: boolean;
  /** escape characters stay in the result */
  rawEscapes?: boolean;
  /** quotes mean nothing: in the body of a here-document */
  ignoreQuotes?: boolean;
  /** `$name` of a variable that is not set stays as it is */
  keepUnset?: boolean;
}

/** One word, with everything replaced. @throws invalidArgument `failed to process "…": …` */
export function expandWord(text: string, options: ExpandOptions): string {
  return expand(text, options).result;
}

/** The words that remain when everything was replaced: a value may hold several. @throws as expandWord */
export function expandWords(text: string, options: ExpandOptions): string[] {
  return expand(text, options).words;
}

function expand(text: string, options: ExpandOptions): Expanded {
  try {
    return new Scan(text, options).until(undefined, options.rawEscapes ?? false);
  } catch (error) {
    throw invalidArgument(`failed to process ${JSON.stringify(text)}: ${messageOf(error)}`, { cause: error });
  }
}

interface Expanded {
  result: string;
  words: string[];
}

const isSpace = (character: string) => /\s/.test(character);

/** The words of a text as they come: blanks from outside of quotes part them. */
class Words {
  readonly #done: string[] = [];
  #word = '';

  add(text: string): void {
    for (const character of text) {
      if (!isSpace(character)) this.#word += character;
      else this.#end();
    }
  }

  addRaw(text: string): void {
    this.#word += text;
  }

  all(): string[] {
    this.#end();
    return this.#done;
  }

  #end(): void {
    if (this.#word !== '') this.#done.push(this.#word);
    this.#word = '';
  }
}

class Scan {
  readonly #characters: string[];
  readonly #options: ExpandOptions;
  #at = 0;
  #rawEscapes: boolean;

  constructor(text: string, options: ExpandOptions) {
    this.#characters = [...text];
    this.#options = options;
    this.#rawEscapes = options.rawEscapes ?? false;
  }

  /** Up to `stop`, which is consumed, or to the end. */
  until(stop: string | undefined, rawEscapes: boolean): Expanded {
    const before = this.#rawEscapes;
    this.#rawEscapes = rawEscapes;
    try {
      return this.#scan(stop);
    } finally {
      this.#rawEscapes = before;
    }
  }

  #scan(stop: string | undefined): Expanded {
    const words = new Words();
    let result = '';
    for (let character = this.#peek(); character !== undefined; character = this.#peek()) {
      if (character === stop) {
        this.#at++;
        return { result, words: words.all() };
      }
      if (character === '$') {
        const value = this.#dollar();
        result += value;
        words.add(value);
      } else if ((character === "'" || character === '"') && !this.#options.ignoreQuotes) {
        const value = character === "'" ? this.#single() : this.#double();
        result += value;
        words.addRaw(value);
      } else if (character === '<') {
        const value = this.#hereDocument();
        result += value;
        words.addRaw(value);
      } else if (character === this.#options.escape) {
        this.#at++;
        if (this.#rawEscapes) {
          result += character;
          words.addRaw(character);
        }
        const escaped = this.#next();
        if (escaped === undefined) break;
        result += escaped;
        words.addRaw(escaped);
      } else {
        this.#at++;
        result += character;
        words.add(character);
      }
    }
    if (stop !== undefined) throw new Error(`unexpected end of statement while looking for matching ${stop}`);
    return { result, words: words.all() };
  }

  /** Blanks between `<<` and its word belong to the word. */
  #hereDocument(): string {
    this.#at++;
    if (this.#peek() !== '<') return '<';
    this.#at++;
    let blanks = '';
    for (let next = this.#peek(); next !== undefined && ' \t\r'.includes(next); next = this.#peek()) {
      blanks += next;
      this.#at++;
    }
    return `<<${blanks}`;
  }

  #single(): string {
    const quote = this.#next()!;
    let result = this.#options.rawQuotes ? quote : '';
    for (;;) {
      const character = this.#next();
      if (character === undefined)
        throw new Error('unexpected end of statement while looking for matching single-quote');
      if (character === quote) return this.#options.rawQuotes ? result + quote : result;
      result += character;
    }
  }

  #double(): string {
    const { escape, rawQuotes } = this.#options;
    let result = rawQuotes ? this.#next()! : (this.#next(), '');
    for (;;) {
      const character = this.#peek();
      if (character === undefined)
        throw new Error('unexpected end of statement while looking for matching double-quote');
      if (character === '$') {
        result += this.#dollar();
        continue;
      }
      this.#at++;
      if (character === '"') return rawQuotes ? `${result}"` : result;
      if (character !== escape) {
        result += character;
        continue;
      }
      if (this.#rawEscapes) result += character;
      const next = this.#peek();
      if (next === undefined) continue;
      // Only these can be escaped; before any other character, the escape character is itself.
      if (next === '"' || next === '$' || next === escape) {
        result += next;
        this.#at++;
      } else result += character;
    }
  }

  #dollar(): string {
    this.#at++;
    if (this.#peek() !== '{') {
      const name = this.#name();
      if (name === '') return '$';
      const value = this.#options.value(name);
      return value ?? (this.#options.keepUnset ? `$${name}` : '');
    }
    this.#at++;
    const first = this.#peek();
    if (first === undefined) throw new Error("syntax error: missing '}'");
    if (first === '{' || first === '}' || first === ':') throw new Error('syntax error: bad substitution');
    const name = this.#name();
    const modifier = this.#next() ?? '';
    if (modifier === '}') return this.#options.value(name) ?? (this.#options.keepUnset ? `\${${name}}` : '');
    if (modifier === '/') return this.#replaced(name);
    return this.#modified(name, modifier);
  }

  #modified(name: string, first: string): string {
    const orEmpty = first === ':';
    const modifier = orEmpty ? (this.#next() ?? '') : first;
    const spelled = orEmpty ? `:${modifier}` : modifier;
    const unsupported = () => new Error(`unsupported modifier (${spelled}) in substitution`);
    if (modifier === '' || !'+-?#%'.includes(modifier)) throw unsupported();
    const trims = modifier === '#' || modifier === '%';
    if (orEmpty && trims) throw unsupported();
    const word = this.#inBraces('}', { raw: trims, missing: "syntax error: missing '}'" });
    const value = this.#options.value(name);
    if (value === undefined && this.#options.keepUnset) return `\${${name}${spelled}${word}}`;
    const missing = value === undefined || (orEmpty && value === '');
    if (modifier === '-') return missing ? word : value;
    if (modifier === '+') return missing ? '' : word;
    if (modifier === '?') {
      if (!missing) return value;
      throw new Error(`${name}: ${word || `is not allowed to be ${value === undefined ? 'unset' : 'empty'}`}`);
    }
    const greedy = word.startsWith(modifier);
    const pattern = greedy ? word.slice(1) : word;
    const trim = modifier === '#' ? trimPrefix : trimSuffix;
    return trim(value ?? '', { pattern, greedy });
  }

  /** `${name/pattern/replacement}`, `${name//pattern/replacement}` */
  #replaced(name: string): string {
    const all = this.#peek() === '/';
    if (all) this.#at++;
    const pattern = this.#inBraces('/', { raw: true, missing: "syntax error: missing '/' in ${}" });
    const replacement = this.#inBraces('}', { raw: true, missing: "syntax error: missing '}'" });
    const value = this.#options.value(name);
    if (value === undefined && this.#options.keepUnset) return `\${${name}/${pattern}/${replacement}}`;
    const expression = matcher(pattern, { greedy: true, anchored: false, flags: all ? 'gu' : 'u' });
    return (value ?? '').replace(expression, () => replacement);
  }

  #inBraces(stop: string, { raw, missing }: { raw: boolean; missing: string }): string {
    try {
      return this.until(stop, raw).result;
    } catch (error) {
      if (this.#peek() === undefined) throw new Error(missing, { cause: error });
      throw error;
    }
  }

  /** Letters, digits and `_`; a number; or one of the shell's special parameters. */
  #name(): string {
    const first = this.#peek();
    if (first === undefined) return '';
    if (/\p{Nd}/u.test(first)) return this.#while(/\p{Nd}/u);
    if ('@*#?-$!0'.includes(first)) {
      this.#at++;
      return first;
    }
    return this.#while(/[\p{L}\p{Nd}_]/u);
  }

  #while(kind: RegExp): string {
    let name = '';
    for (let next = this.#peek(); next !== undefined && kind.test(next); next = this.#peek()) {
      name += next;
      this.#at++;
    }
    return name;
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #next(): string | undefined {
    return this.#characters[this.#at++];
  }
}

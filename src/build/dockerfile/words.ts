// How the rest of an instruction is cut into flags, words, `name=value` pairs or a JSON list. Pure. Quotes and escapes stay:
// they are taken away when variables are replaced. Runs wherever a Dockerfile is read. Dockerfile reference, "Format".

import { invalidArgument } from '../../base/errors.ts';

const isSpace = (character: string | undefined) => character !== undefined && /\s/.test(character);
const BLANKS = /[\t\v\f\r ]+/;

/** The keyword, its `--flags` and what follows them. */
export function splitInstruction(line: string, escape: string): { keyword: string; flags: string[]; rest: string } {
  const trimmed = line.trim();
  const blank = BLANKS.exec(trimmed);
  if (!blank) return { keyword: trimmed, flags: [], rest: '' };
  const { flags, rest } = splitFlags(trimmed.slice(blank.index + blank[0].length), escape);
  return { keyword: trimmed.slice(0, blank.index), flags, rest: rest.trim() };
}

/** Takes `--name=value` words from the front; `--` alone ends them. Quotes are taken away. */
function splitFlags(text: string, escape: string): { flags: string[]; rest: string } {
  const flags: string[] = [];
  let at = 0;
  for (;;) {
    while (isSpace(text[at])) at++;
    if (!text.startsWith('--', at)) return { flags, rest: text.slice(at) };
    let word = '';
    let quote = '';
    for (; at < text.length && (quote !== '' || !isSpace(text[at])); at++) {
      const character = text[at]!;
      if (character === quote) quote = '';
      else if (quote === '' && (character === "'" || character === '"')) quote = character;
      else if (character !== escape) word += character;
      else if (at + 1 < text.length) word += text[++at];
    }
    if (word === '--') return { flags, rest: text.slice(at) };
    flags.push(word);
  }
}

/** Words parted by blanks that are not quoted or escaped. */
export function splitWords(text: string, escape: string): string[] {
  const words: string[] = [];
  const characters = [...text];
  let word = '';
  let started = false;
  let quote = '';
  const end = () => {
    if (started || word !== '') words.push(word);
    word = '';
    started = false;
  };
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!;
    if (quote === '' && isSpace(character)) {
      end();
      continue;
    }
    if (character === escape && quote !== "'") {
      // One at the very end escapes nothing.
      if (at + 1 < characters.length) word += character + characters[++at]!;
      continue;
    }
    if (quote === '' && (character === "'" || character === '"')) {
      quote = character;
      started = true;
    } else if (character === quote) quote = '';
    word += character;
  }
  end();
  return words;
}

/** Words parted by blanks, whatever their quotes. */
export function splitBlanks(text: string): string[] {
  return text === '' ? [] : text.split(BLANKS);
}

export interface Pair {
  name: string;
  value: string;
  /** written as `NAME value` */
  old: boolean;
}

/** `name=value …`, or the old form `name the rest`. @throws invalidArgument with Docker's texts */
export function splitPairs(text: string, keyword: string, escape: string): Pair[] {
  const words = splitWords(text, escape);
  if (words.length === 0) throw invalidArgument(`${keyword} requires at least one argument`);
  if (!words[0]!.includes('=')) {
    const blank = BLANKS.exec(text);
    if (!blank) throw invalidArgument(`${keyword} must have two arguments`);
    return [{ name: text.slice(0, blank.index), value: text.slice(blank.index + blank[0].length), old: true }];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 0) {
      throw invalidArgument(`Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`);
    }
    if (equals === 0) throw invalidArgument(`${keyword} names can not be blank`);
    return { name: word.slice(0, equals), value: word.slice(equals + 1), old: false };
  });
}

/** The strings of a JSON list; undefined when the text is none. @throws invalidArgument for a list of anything else */
export function jsonList(text: string): string[] | undefined {
  const start = text.trimStart();
  if (!start.startsWith('[')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(start);
  } catch {
    // Docker takes what only looks like a list for shell text.
    return undefined;
  }
  const list = value as unknown[];
  if (list.every((item) => typeof item === 'string')) return list;
  throw invalidArgument('when using JSON array syntax, arrays must be comprised of strings only');
}

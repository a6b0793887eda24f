// Reads a command line as Docker's does (spf13/pflag): -it, -m64m, -m=64m, --name x, --name=x, --rm=false, `--`, and for
// run and create no flags behind the first argument: those belong to the container. Pure but for `Flag.read`.

import { messageOf } from '../base/errors.ts';
import { Flags, readerOf, type Flag } from './flag.ts';

/** A command line that does not fit the verb's flags; the text is pflag's. */
export class UsageError extends Error {}

export interface Parsed {
  flags: Flags;
  positional: string[];
  /** --help was asked for; nothing behind it was read */
  help: boolean;
  /** deprecated flags that were used */
  notices: string[];
}

export interface ParseRules {
  flags: Flag[];
  /** false: everything behind the first argument is left alone */
  interspersed: boolean;
}

/** @throws UsageError */
export function parseFlags(words: string[], { flags: known, interspersed }: ParseRules): Parsed {
  const parsed: Parsed = { flags: new Flags(), positional: [], help: false, notices: [] };
  const queue = words.slice();

  const set = (flag: Flag, text: string) => {
    try {
      parsed.flags.add(flag.means ?? flag.name, readerOf(flag)(text));
    } catch (error) {
      const name = flag.short ? `-${flag.short}, --${flag.name}` : `--${flag.name}`;
      throw new UsageError(`invalid argument ${JSON.stringify(text)} for "${name}" flag: ${messageOf(error)}`);
    }
    if (flag.deprecated) parsed.notices.push(`Flag --${flag.name} has been deprecated, ${flag.deprecated}`);
  };

  const long = (word: string) => {
    const equals = word.indexOf('=');
    const name = word.slice(2, equals < 0 ? undefined : equals);
    if (name === '' || name.startsWith('-')) throw new UsageError(`bad flag syntax: ${word}`);
    const flag = known.find((candidate) => candidate.name === name);
    if (!flag) {
      if (name === 'help') parsed.help = true;
      else throw new UsageError(`unknown flag: --${name}`);
    } else if (equals >= 0) set(flag, word.slice(equals + 1));
    else if (flag.type === 'bool') set(flag, 'true');
    else if (queue.length > 0) set(flag, queue.shift()!);
    else throw new UsageError(`flag needs an argument: --${name}`);
  };

  const short = (word: string) => {
    let letters = word.slice(1);
    while (letters !== '' && !parsed.help) {
      const letter = letters[0]!;
      const flag = known.find((candidate) => candidate.short === letter);
      if (!flag) {
        if (letter === 'h') parsed.help = true;
        else throw new UsageError(`unknown shorthand flag: ${quoteRune(letter)} in -${letters}`);
      } else if (letters[1] === '=' && letters.length > 2) return set(flag, letters.slice(2));
      else if (flag.type === 'bool') set(flag, 'true');
      else if (letters.length > 1) return set(flag, letters.slice(1));
      else if (queue.length > 0) return set(flag, queue.shift()!);
      else throw new UsageError(`flag needs an argument: ${quoteRune(letter)} in -${letters}`);
      letters = letters.slice(1);
    }
  };

  while (queue.length > 0 && !parsed.help) {
    const word = queue.shift()!;
    if (word === '--') {
      parsed.positional.push(...queue);
      break;
    }
    if (word.startsWith('--')) long(word);
    else if (word.startsWith('-') && word.length > 1) short(word);
    else {
      parsed.positional.push(word);
      if (interspersed) continue;
      parsed.positional.push(...queue);
      break;
    }
  }
  return parsed;
}

function quoteRune(letter: string): string {
  return letter === "'" ? `'\\''` : `'${letter}'`;
}

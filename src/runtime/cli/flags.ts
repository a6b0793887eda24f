// Flags as runc's command line takes them (Go's flag package): `-f`, `--f`, `--f=x`, `--f x`; the first word that is no flag
// ends them, and so does `--`. Pure.

import { invalidArgument } from '../../base/errors.ts';

/** `bool` takes no value of its own, `list` may be given several times. */
export type FlagKind = 'bool' | 'text' | 'number' | 'list';

/** name, or `name,n` with its short form → kind and what `--help` says of it */
export type FlagTable = Readonly<Record<string, readonly [kind: FlagKind, help: string]>>;

/** What was given, by long name; an absent flag is absent. */
export interface Flags {
  bool(name: string): boolean;
  text(name: string): string | undefined;
  number(name: string): number | undefined;
  list(name: string): string[];
}

/** @throws invalidArgument with Go's text for a flag that there is none of, or a value of the wrong kind */
export function parseFlags(table: FlagTable, argv: readonly string[]): { flags: Flags; rest: string[] } {
  const known = new Map<string, { name: string; kind: FlagKind }>();
  for (const [names, [kind]] of Object.entries(table)) {
    const all = names.split(',');
    for (const alias of all) known.set(alias, { name: all[0]!, kind });
  }
  const given = new Map<string, string[]>();
  let i = 0;
  for (; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === '--') {
      i++;
      break;
    }
    const [, written, value] = /^--?([^-=][^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
    if (written === undefined) {
      if (word.startsWith('-') && word !== '-') throw invalidArgument(`bad flag syntax: ${word}`);
      break;
    }
    const flag = known.get(written);
    if (!flag) throw invalidArgument(`flag provided but not defined: -${written}`);
    let text = value;
    if (text === undefined) {
      if (flag.kind === 'bool') text = 'true';
      else if (i + 1 === argv.length) throw invalidArgument(`flag needs an argument: -${written}`);
      else text = argv[++i]!;
    }
    check(flag.kind, written, text);
    given.set(flag.name, flag.kind === 'list' ? [...(given.get(flag.name) ?? []), text] : [text]);
  }
  const text = (name: string) => given.get(name)?.at(-1);
  const flags: Flags = {
    bool: (name) => TRUE.test(text(name) ?? 'false'),
    text,
    number: (name) => (text(name) === undefined ? undefined : Number(text(name))),
    list: (name) => given.get(name) ?? [],
  };
  return { flags, rest: argv.slice(i) };
}

/* strconv.ParseBool */
const TRUE = /^(1|t|T|true|TRUE|True)$/;
const FALSE = /^(0|f|F|false|FALSE|False)$/;

function check(kind: FlagKind, name: string, text: string): void {
  const wrong = (what: string) =>
    invalidArgument(`invalid ${what}${JSON.stringify(text)} for flag -${name}: parse error`);
  if (kind === 'bool' && !TRUE.test(text) && !FALSE.test(text)) throw wrong('boolean value ');
  if (kind === 'number' && !/^-?\d+$/.test(text)) throw wrong('value ');
}

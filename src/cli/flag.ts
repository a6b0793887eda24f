// What a flag is: data that the parser, the help and the shell completion read. Values are checked while they are read,
// with the texts of docker/cli (spf13/pflag and its opts package). Runs in the CLI.

import { readDuration } from '../base/duration.ts';

/** The words that help shows for a value; `bool` takes none. */
export type FlagType =
  | 'bool'
  | 'string'
  | 'list'
  | 'int'
  | 'uint16'
  | 'bytes'
  | 'decimal'
  | 'duration'
  | 'filter'
  | 'mount'
  | 'network'
  | 'map'
  | 'ulimit';

export interface Flag {
  name: string;
  short?: string;
  type: FlagType;
  help: string;
  /** as help shows it, with its quotes */
  initial?: string;
  hidden?: true;
  /** an old spelling: values go to the flag of this name */
  means?: string;
  /** what to use instead; said on stderr when the flag is used */
  deprecated?: string;
  /** the values, for shell completion */
  choices?: string[];
  /** @throws Error with Docker's text when the value is not valid */
  read?: (text: string) => unknown;
}

/** The flags that a command line carried: every value in order, already read. */
export class Flags {
  private readonly values = new Map<string, unknown[]>();

  add(name: string, value: unknown): void {
    const known = this.values.get(name);
    if (known) known.push(value);
    else this.values.set(name, [value]);
  }

  changed(name: string): boolean {
    return this.values.has(name);
  }

  /** All values of a repeatable flag, in order. */
  all<T = string>(name: string): T[] {
    return (this.values.get(name) ?? []) as T[];
  }

  /** The last value, or `otherwise`. */
  last<T>(name: string, otherwise: T): T {
    const all = this.values.get(name);
    return all === undefined ? otherwise : (all.at(-1) as T);
  }

  text(name: string, otherwise = ''): string {
    return this.last(name, otherwise);
  }

  number(name: string, otherwise = 0): number {
    return this.last(name, otherwise);
  }

  on(name: string, otherwise = false): boolean {
    return this.last(name, otherwise);
  }
}

const numError = (kind: string, text: string, what: string) =>
  new Error(`strconv.${kind}: parsing ${JSON.stringify(text)}: ${what}`);

/** strconv.ParseBool. */
export function readBool(text: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw numError('ParseBool', text, 'invalid syntax');
}

/** strconv.ParseInt, 64 bits; what JavaScript cannot hold exactly is out of range. */
export function readInt(text: string): number {
  if (!/^[+-]?(\d+|0[xX][0-9a-fA-F]+)$/.test(text)) throw numError('ParseInt', text, 'invalid syntax');
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw numError('ParseInt', text, 'value out of range');
  return value;
}

/** strconv.ParseUint with `bits`. */
export function readUint(text: string, bits: number): number {
  if (!/^\d+$/.test(text)) throw numError('ParseUint', text, 'invalid syntax');
  const value = Number(text);
  if (value >= 2 ** bits || !Number.isSafeInteger(value)) throw numError('ParseUint', text, 'value out of range');
  return value;
}

/** The reader of a type that needs no rules of its own. */
export function readerOf(flag: Flag): (text: string) => unknown {
  if (flag.read) return flag.read;
  if (flag.type === 'bool') return readBool;
  if (flag.type === 'int') return readInt;
  if (flag.type === 'uint16') return (text) => readUint(text, 16);
  if (flag.type === 'duration') return readDuration;
  return (text) => text;
}

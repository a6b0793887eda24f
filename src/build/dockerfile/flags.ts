// The `--flags` of one instruction, checked against those that it knows. Pure. Runs wherever a Dockerfile is read.

import { invalidArgument } from '../../base/errors.ts';

export type FlagKind = 'text' | 'bool' | 'list';

/** The flags that an instruction carries. */
export class InstructionFlags {
  readonly #values = new Map<string, string[]>();

  /** @throws invalidArgument with Docker's texts */
  constructor(words: string[], known: Record<string, FlagKind>) {
    for (const word of words) {
      const equals = word.indexOf('=');
      const spelled = equals < 0 ? word : word.slice(0, equals);
      const name = spelled.slice(2);
      const kind = Object.hasOwn(known, name) ? known[name] : undefined;
      if (kind === undefined) throw invalidArgument(`unknown flag: ${spelled}`);
      if (kind !== 'list' && this.#values.has(name)) {
        throw invalidArgument(`duplicate flag specified: ${spelled}`);
      }
      const value = equals < 0 ? undefined : word.slice(equals + 1);
      this.#values.set(name, [...(this.#values.get(name) ?? []), checked(spelled, kind, value)]);
    }
  }

  text(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  list(name: string): string[] {
    return this.#values.get(name) ?? [];
  }

  /** undefined when it was not given */
  bool(name: string): boolean | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : value === 'true';
  }
}

function checked(spelled: string, kind: FlagKind, value: string | undefined): string {
  if (kind !== 'bool') {
    if (value === undefined) throw invalidArgument(`missing a value on flag: ${spelled}`);
    return value;
  }
  if (value === '') throw invalidArgument(`missing a value on flag: ${spelled}`);
  const truth = (value ?? 'true').toLowerCase();
  if (truth === 'true' || truth === 'false') return truth;
  throw invalidArgument(`expecting boolean value for flag ${spelled}, not: ${value}`);
}

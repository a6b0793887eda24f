// The shape of a verb: data for help and dispatch, and the module with its flags and its work, which is loaded only when
// the verb is called, so that no command pays for another. Types only.

import type { Context } from './context.ts';
import type { Flag, Flags } from './flag.ts';

export interface Call {
  flags: Flags;
  positional: string[];
  /** the words by which the verb was called: `ps` or `container ls` */
  calledAs: string;
}

export type Run = (context: Context, call: Call) => Promise<void>;

export interface VerbModule {
  flags: Flag[];
  run: Run;
  examples?: string[];
}

export interface Verb {
  name: string;
  /** other names in the same place: `container rm` is also `container remove` */
  also?: string[];
  summary: string;
  /** what follows the name in the usage line: `[OPTIONS] IMAGE [COMMAND] [ARG...]` */
  usage: string;
  /** how many arguments: at least, at most */
  least: number;
  most?: number;
  /** false where everything behind the first argument is left alone */
  interspersed?: false;
  /** all full names, shown by help */
  aliases?: string[];
  /** what an argument names, for shell completion */
  completes?: 'container' | 'running' | 'image' | 'network';
  /** place among the common commands of the main help; other verbs are listed by name */
  common?: number;
  load: () => Promise<VerbModule>;
}

export interface Group {
  name: string;
  summary: string;
  verbs: Verb[];
}

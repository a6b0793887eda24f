// One action on several containers at once, reported in the order in which they were named. Runs in the CLI.

import { exitWithAll } from './exit.ts';
import type { Context } from './context.ts';

const AT_ONCE = 50;

/**
 * Runs `act` for every name, at most 50 at a time, and prints each name that went well.
 * @param forgive says whether an error is only worth a line on stderr
 */
export async function forEachName(
  context: Context,
  names: string[],
  act: (name: string) => Promise<unknown>,
  forgive: (error: unknown) => boolean = () => false,
): Promise<void> {
  const results: Promise<unknown>[] = [];
  const errors: unknown[] = [];
  for (const [index, name] of names.entries()) {
    if (index >= AT_ONCE) await results[index - AT_ONCE]!.catch(() => {});
    const result = act(name);
    // The error is reported below, in its turn.
    result.catch(() => {});
    results.push(result);
  }
  for (const [index, name] of names.entries()) {
    try {
      await results[index];
      context.out.line(name);
    } catch (error) {
      if (forgive(error)) context.err.line((error as Error).message);
      else errors.push(error);
    }
  }
  exitWithAll(errors);
}

// Asks before something is lost. Runs in the CLI. docker/cli: internal/prompt.

import { createInterface } from 'node:readline';
import type { Context } from './context.ts';
import { Exit } from './exit.ts';

/** Goes on at `y`; any other answer, or none, ends the command without an error, as docker's does. @throws Exit */
export async function confirm(context: Context, warning: string): Promise<void> {
  context.out.write(`${warning}\nAre you sure you want to continue? [y/N] `);
  const lines = createInterface({ input: process.stdin });
  const answer = await new Promise<string>((resolve) => {
    lines.once('line', resolve);
    lines.once('close', () => resolve(''));
  });
  lines.close();
  if (answer.trim().toLowerCase() !== 'y') throw new Exit(0);
}

// Shows the lines of pull, push and load. Runs in the CLI, as the user.

import type { Readable } from 'node:stream';
import type { ProgressLine } from '../api/types.ts';
import type { Output } from './output.ts';
import { eachJson } from './stream/each-json.ts';

/** @param out undefined: nothing is shown. @throws internal with the daemon's text when a line is an error */
export async function showProgress(body: Readable, out: Output | undefined): Promise<void> {
  const { progressPrinter } = await import('./stream/progress.ts');
  const print = progressPrinter({
    isTerminal: out?.isTerminal ?? false,
    columns: out?.isTerminal ? out.size().columns || 200 : 200,
    write: (text) => out?.write(text),
  });
  await eachJson<ProgressLine>(body, print);
}

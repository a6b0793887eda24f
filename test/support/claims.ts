// Suites that are skipped as a whole, with the reason where the closing lines find it. Runs in vitest's processes.

import { describe } from 'vitest';

/** A suite that is skipped as a whole, with the reason in its title, when `reason` is given: `claims('x', need('docker'), …)`. */
export function claims(title: string, reason: string | undefined, body: () => void): void {
  if (reason) describe.skip(`${title} (skipped: ${reason})`, body);
  else describe(title, body);
}

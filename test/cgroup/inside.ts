// Runs the claims one after the other and prints a line of JSON for each; the program that User Mode Linux runs.

import { CLAIMS, openBed } from './claims.ts';

/** The line's beginning, so that it is found among what the kernel prints. */
const MARK = '@claim ';

const say = (value: object) => process.stdout.write(`${MARK}${JSON.stringify(value)}\n`);

try {
  const bed = openBed(true);
  for (const { title, check } of CLAIMS) {
    try {
      await check(bed);
      say({ title });
    } catch (error) {
      say({ title, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  }
  say({ end: true });
} catch (error) {
  say({ end: true, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}
process.exit();

// Runs the claims one after the other and prints a line of JSON for each; the program that User Mode Linux runs.

import { CLAIMS, openBed } from './claims.ts';
import { Engine, ENGINE_CLAIMS } from './engine-claims.ts';

/** The line's beginning, so that it is found among what the kernel prints. */
const MARK = '@claim ';

const say = (value: object) => process.stdout.write(`\n${MARK}${JSON.stringify(value)}\n`);
const textOf = (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error));

async function judge(title: string, check: () => unknown): Promise<void> {
  try {
    await check();
    say({ title });
  } catch (error) {
    say({ title, error: textOf(error) });
  }
}

try {
  const bed = openBed(true);
  for (const { title, check } of CLAIMS) await judge(title, () => check(bed));
  const { PUNNET_TEST_ENGINE: project, PUNNET_TEST_OWNER: owner } = process.env;
  if (project && owner) {
    const engine = new Engine(project, owner);
    for (const { title, check } of ENGINE_CLAIMS) await judge(title, () => check(engine));
  }
  say({ end: true });
} catch (error) {
  say({ end: true, error: textOf(error) });
}
process.exit();

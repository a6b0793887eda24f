// In /tmp anyone can be first with the name of our runtime directory, and would be sent commands and passwords. Runs in the
// CLI, as the user, before it connects. CWE-379; the launcher checks the same before it makes the directory.

import { lstatSync } from 'node:fs';

/** @throws Error when `directory` exists and belongs to another user; root may use anyone's */
export function refuseForeign(directory: string, uid = process.getuid!()): void {
  const found = lstatSync(directory, { throwIfNoEntry: false });
  if (found === undefined || uid === 0) return;
  if (found.uid === uid && found.isDirectory()) return;
  throw new Error(
    `the runtime directory ${directory} belongs to uid ${found.uid}, not to you (${uid}); choose another one: PUNNET_RUN=DIR`,
  );
}

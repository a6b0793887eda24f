// Sends a stream to a file, in one step so that nothing half is left under its name, or to standard output unless that is a
// terminal. Runs in the CLI, as the user. docker/cli: cli/command/utils.go (CopyToFile).

import { createWriteStream, renameSync, rmSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Context } from './context.ts';
import { checkOutputPath } from './copy/host-place.ts';

/** @throws Error with Docker's texts; `what` is the verb */
export async function writeOutput(
  context: Context,
  { file, what }: { file: string; what: string },
  open: () => Promise<Readable>,
): Promise<void> {
  if (file === '') {
    if (context.out.isTerminal) {
      throw new Error('cowardly refusing to save to a terminal. Use the -o flag or redirect');
    }
    for await (const chunk of await open()) context.out.write(chunk as Buffer);
    return;
  }
  try {
    checkOutputPath(file);
  } catch (error) {
    throw new Error(`failed to ${what} ${what === 'save' ? 'image' : 'container'}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const body = await open();
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await pipeline(body, createWriteStream(temporary, { mode: 0o600, flags: 'wx' }));
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

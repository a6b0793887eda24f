// Where execvp(3) would find a program. Runs in the launcher, outside the namespaces, as the user.

import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

/** The first executable file of that name in PATH. */
export function findInPath(program: string, path = ''): string | undefined {
  return path
    .split(':')
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return statSync(file).isFile();
      } catch {
        return false; // not here; the next directory may have it
      }
    });
}

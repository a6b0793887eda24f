// Directories that a test owns. Runs in vitest's processes.

import { rmSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { makeScratch } from './until.ts';

/** A new empty directory that is removed when the current test ends. */
export function scratch(name = 'x'): string {
  const directory = makeScratch(name);
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

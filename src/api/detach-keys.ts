// Detach keys as users write them (`ctrl-p,ctrl-q`) into the bytes that a terminal sends. Runs in the daemon.
// moby/term: ascii.go.

import { invalidArgument } from '../base/errors.ts';

const CONTROL = ['@', ...'abcdefghijklmnopqrstuvwxyz', '[', '\\', ']', '^', '_'];

/** Raw bytes as a latin1 string; undefined when the client named none. @throws invalidArgument with Docker's text. */
export function attachKeys(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  return text
    .split(',')
    .map((key) => byteOf(key, text))
    .join('');
}

function byteOf(key: string, whole: string): string {
  if (key.length === 1) return key;
  const control = CONTROL.indexOf(key.replace(/^ctrl-/i, '').toLowerCase());
  if (/^ctrl-.$/i.test(key) && control >= 0) return String.fromCharCode(control);
  if (key.toUpperCase() === 'DEL') return '\x7f';
  throw invalidArgument(`Invalid detach keys (${whole}) provided`);
}

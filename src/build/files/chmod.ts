// `--chmod=755`, `--chmod=u+rwX,go-w`: a change of a file's mode. Pure. Runs in the daemon. chmod(1).

import { invalidArgument } from '../../base/errors.ts';

export type ModeChange = (mode: number, directory: boolean) => number;

const WHO: Record<string, number> = { u: 0o4700, g: 0o2070, o: 0o1007 };
const BITS: Record<string, number> = { r: 0o444, w: 0o222, x: 0o111 };

/** @throws invalidArgument naming the text */
export function parseMode(text: string): ModeChange {
  if (/^[0-7]{1,5}$/.test(text)) {
    const mode = parseInt(text, 8);
    if (mode <= 0o7777) return () => mode;
  }
  const clauses = text.split(',').map((clause) => /^([ugoa]*)([-+=])([rwxXst]*)$/.exec(clause));
  if (clauses.some((clause) => clause === null)) {
    throw invalidArgument(
      `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777, or symbolic`,
    );
  }
  return (mode, directory) =>
    clauses.reduce((current, clause) => {
      const [, who, operator, letters] = clause as unknown as [string, string, string, string];
      const mask = who === '' || who.includes('a') ? 0o7777 : [...who].reduce((sum, one) => sum | WHO[one]!, 0);
      const executable = directory || (current & 0o111) !== 0;
      const bits = [...letters].reduce((sum, letter) => sum | bitsOf(letter, { mask, executable }), 0);
      if (operator === '+') return current | bits;
      if (operator === '-') return current & ~bits;
      return (current & ~mask) | bits;
    }, mode);
}

function bitsOf(letter: string, { mask, executable }: { mask: number; executable: boolean }): number {
  if (letter === 'X') return executable ? 0o111 & mask : 0;
  if (letter === 's') return 0o6000 & mask;
  if (letter === 't') return 0o1000 & mask;
  return BITS[letter]! & mask;
}

// Signals by name or number, as clients write them. Pure; runs in every process. signal(7); moby/sys/signal.

import { constants } from 'node:os';
import { invalidArgument } from './errors.ts';

const RTMIN = 34;
const RTMAX = 64;

/** The number for `SIGTERM`, `term`, `15`, `RTMIN+3`. @throws invalidArgument "invalid signal: x" */
export function parseSignal(text: string): number {
  if (/^[+-]?\d+$/.test(text)) {
    const number = Number(text);
    if (number === 0) throw invalidArgument(`invalid signal: ${text}`);
    return number;
  }
  const name = text.toUpperCase().replace(/^SIG/, '');
  const number = (constants.signals as Record<string, number>)[`SIG${name}`] ?? realTime(name);
  if (number === undefined) throw invalidArgument(`invalid signal: ${text}`);
  return number;
}

/** @throws invalidArgument for a number that Linux does not have */
export function checkSignal(number: number): number {
  if (number >= 1 && number <= RTMAX && number !== 32 && number !== 33) return number;
  throw invalidArgument(`the linux daemon does not support signal ${number}`);
}

function realTime(name: string): number | undefined {
  const match = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  if (match === null) return undefined;
  const offset = Number(match[3] ?? 0) * (match[2] === '-' ? -1 : 1);
  const number = (match[1] === 'MIN' ? RTMIN : RTMAX) + offset;
  return number >= RTMIN && number <= RTMAX ? number : undefined;
}

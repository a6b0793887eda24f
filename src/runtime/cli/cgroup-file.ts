// Files of a cgroup, as they are read for statistics. cgroups(7)

import { readFileSync } from 'node:fs';
import { errnoOf } from '../../base/errors.ts';

/** A file of one number; undefined where it is missing or says `max`. */
export function number(path: string): number | undefined {
  const value = text(path).trim();
  return /^\d+$/.test(value) ? Number(value) : undefined;
}

/** A file of `name number` lines. */
export function keyed(path: string): Record<string, number> {
  const lines = text(path).split('\n').filter(Boolean);
  return Object.fromEntries(lines.map((line) => [line.split(' ')[0]!, Number(line.split(' ')[1])]));
}

/** Empty where it is missing. */
export function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // The controller is not there; ENODEV: the cgroup is going.
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENODEV' || errnoOf(error) === 'EOPNOTSUPP') return '';
    throw error;
  }
}

// The numbers of a device file, for limits of one device. Runs in the daemon. makedev(3)

import { statSync } from 'node:fs';
import { invalidArgument } from '../../base/errors.ts';

/** @throws invalidArgument when it is none */
export function deviceNumbers(path: string): { major: number; minor: number } {
  const device = statSync(path, { throwIfNoEntry: false })?.rdev;
  if (device === undefined || device === 0) throw invalidArgument(`${path} is not a device`);
  return { major: (device >> 8) & 0xfff, minor: (device & 0xff) | ((device >> 12) & 0xfff00) };
}

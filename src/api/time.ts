// Points in time as clients send them: seconds since the epoch with up to nine decimals (`1136073600.000000001`).
// Runs in the daemon.

import { invalidArgument } from '../base/errors.ts';
import type { Call } from './call.ts';

/** Milliseconds since the epoch; undefined for absent, empty and 0. @throws invalidArgument */
export function parseTime(call: Call, name: string): number | undefined {
  const value = call.text(name);
  if (value === undefined || value === '0') return undefined;
  if (/^-?\d+(\.\d{1,9})?$/.test(value)) return Number(value) * 1000;
  throw invalidArgument(
    `invalid value for "${name}": strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`,
  );
}

// The `until` filter of prunes: a point in time, as clients write it. Pure. Runs in the daemon.
// moby: api/types/time, GetTimestamp.

import { invalidArgument } from '../base/errors.ts';

const UNITS: Record<string, number> = { s: 1e3, m: 60e3, h: 3600e3 };

/** Milliseconds since the epoch: a duration of Go (`10m`, `1h30m`) ago, seconds, or RFC 3339. @throws invalidArgument */
export function untilTime([value = '', ...rest]: string[]): number {
  if (rest.length > 0) throw invalidArgument('more than one until filter specified');
  if (/^(\d+(\.\d+)?[smh])+$/.test(value)) {
    const parts = [...value.matchAll(/(\d+(?:\.\d+)?)([smh])/g)];
    return Date.now() - parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit!]!, 0);
  }
  const time = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value);
  if (Number.isNaN(time)) throw invalidArgument(`invalid until filter: ${JSON.stringify(value)}`);
  return time;
}

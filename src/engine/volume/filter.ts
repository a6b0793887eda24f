// Filters of volumes. Pure. moby: daemon/volume/service/convert.go

import type { Filters } from '../../api/types.ts';
import { invalidArgument } from '../../base/errors.ts';

/** @throws invalidArgument with Docker's text for a filter that is not known */
export function checkFilters(filters: Filters, known: string[]): void {
  for (const name of Object.keys(filters)) if (!known.includes(name)) throw invalidArgument(`invalid filter '${name}'`);
}

/** @throws invalidArgument when the filter is neither true nor false */
export function truthOf(filters: Filters, name: string): boolean | undefined {
  const values = filters[name] ?? [];
  if (values.length === 0) return undefined;
  const truth = values.map((value) => ({ true: true, '1': true, false: false, '0': false })[value]);
  if (truth.length !== 1 || truth[0] === undefined)
    throw invalidArgument(`invalid filter '${name}=[${values.join(' ')}]'`);
  return truth[0];
}

/** `key` or `key=value`. */
export function hasLabel(labels: Record<string, string>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  const key = equals < 0 ? wanted : wanted.slice(0, equals);
  return Object.hasOwn(labels, key) && (equals < 0 || labels[key] === wanted.slice(equals + 1));
}

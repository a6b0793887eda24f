// `filters` of list requests, in both JSON forms: `{"label":["a"]}` and the older `{"label":{"a":true}}`.
// Runs in the daemon. moby: daemon/internal/filters.

import { invalidArgument } from '../base/errors.ts';
import type { Filters } from './types.ts';

/** @throws invalidArgument ("invalid filter") for anything else than the two forms. */
export function parseFilters(text: string | null): Filters {
  if (text === null || text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalidArgument('invalid filter', { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalidArgument('invalid filter');
  const filters: Filters = Object.create(null) as Filters;
  for (const [name, values] of Object.entries(value)) filters[name] = valuesOf(values);
  return filters;
}

function valuesOf(values: unknown): string[] {
  if (Array.isArray(values) && values.every((item) => typeof item === 'string')) return values;
  if (typeof values === 'object' && values !== null && !Array.isArray(values)) {
    return Object.entries(values)
      .filter(([, wanted]) => wanted === true)
      .map(([item]) => item);
  }
  throw invalidArgument('invalid filter');
}

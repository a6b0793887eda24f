// `search`: what a registry finds, filtered as Docker filters. Runs in the daemon. moby: registry/search.go

import type { ImageBackend } from '../../api/backend.ts';
import type { Filters } from '../../api/types.ts';
import { invalidArgument } from '../../base/errors.ts';
import { search as ask } from '../../registry/search.ts';
import type { ImageRoom } from './room.ts';

type Options = Parameters<ImageBackend['search']>[1];

const KNOWN = ['is-automated', 'is-official', 'stars'];

/** @throws invalidArgument for a filter that is not known; RegistryFailure in Docker's words */
export async function search(room: ImageRoom, term: string, options: Options): Promise<object[]> {
  const { filters, limit = 25, signal } = options;
  for (const name of Object.keys(filters)) if (!KNOWN.includes(name)) throw invalidArgument(`invalid filter '${name}'`);
  if (limit < 1 || limit > 100) throw invalidArgument(`limit ${limit} is outside the range of [1, 100]`);
  const official = truth(filters, 'is-official');
  const automated = truth(filters, 'is-automated');
  const stars = Math.max(0, ...(filters.stars ?? []).map(count));
  const found = await ask(room.registry, { term, limit, signal });
  return found.filter(
    (result) =>
      (official === undefined || result.is_official === official) &&
      (automated === undefined || result.is_automated === automated) &&
      result.star_count >= stars,
  );
}

function truth(filters: Filters, name: string): boolean | undefined {
  const [value] = filters[name] ?? [];
  if (value === undefined) return undefined;
  if (['true', '1'].includes(value)) return true;
  if (['false', '0'].includes(value)) return false;
  throw invalidArgument(`invalid filter '${name}=[${value}]'`);
}

function count(text: string): number {
  if (!/^\d+$/.test(text)) throw invalidArgument(`invalid filter 'stars=[${text}]'`);
  return Number(text);
}

// Search, which only Docker Hub and registries of the first version have (`/v1/search`): others answer 404, and that is said.
// Runs in the daemon. moby: registry/search.go

import type { RegistryClient } from './client.ts';
import { endpointsFor } from './endpoint.ts';
import { RegistryFailure, shownUrl } from './failure.ts';
import { discard, readBody } from './transport.ts';

export interface SearchResult {
  name: string;
  description: string;
  star_count: number;
  is_official: boolean;
  is_automated: boolean;
}

const LIMIT = 4 * 1024 * 1024;
const HUB = 'https://index.docker.io';

/** @throws RegistryFailure in Docker's words */
export async function search(
  client: RegistryClient,
  { term, limit, signal }: { term: string; limit: number; signal: AbortSignal },
): Promise<SearchResult[]> {
  const { domain, rest } = splitTerm(term);
  const bases =
    domain === undefined ? [HUB] : endpointsFor({ domain, path: rest }, client.config()).map(({ base }) => base);
  const query = domain === undefined ? rest.replace(/^library\//, '') : rest;
  for (const [i, base] of bases.entries()) {
    const url = new URL(`${base}/v1/search?q=${encodeURIComponent(query)}&n=${limit}`);
    try {
      const insecure = domain !== undefined && url.protocol === 'http:';
      const answer = await client.follow(url, { insecure, signal, headers: { 'X-Docker-Token': 'true' } });
      if (answer.status !== 200) {
        discard(answer);
        throw new RegistryFailure(`Unexpected status code ${answer.status}`, { status: answer.status });
      }
      return resultsIn(await readBody(answer, LIMIT), url);
    } catch (error) {
      signal.throwIfAborted();
      const answered = error instanceof RegistryFailure && error.status !== undefined;
      if (answered || i === bases.length - 1) throw error;
    }
  }
  return [];
}

function resultsIn(body: Buffer, url: URL): SearchResult[] {
  let value: { results?: Partial<SearchResult>[] };
  try {
    value = JSON.parse(body.toString('utf8')) as typeof value;
  } catch (error) {
    throw new RegistryFailure(`Get "${shownUrl(url)}": the answer is not JSON`, { cause: error });
  }
  if (!Array.isArray(value?.results)) return [];
  return value.results.map((result) => ({
    name: String(result.name ?? ''),
    description: String(result.description ?? ''),
    star_count: Number(result.star_count ?? 0),
    is_official: result.is_official === true,
    is_automated: result.is_automated === true,
  }));
}

function splitTerm(term: string): { domain: string | undefined; rest: string } {
  const [first = '', ...others] = term.split('/');
  const named = others.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  if (!named || first === 'docker.io' || first === 'index.docker.io')
    return { domain: undefined, rest: named ? others.join('/') : term };
  return { domain: first, rest: others.join('/') };
}

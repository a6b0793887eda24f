// The way to a reference: the first of its endpoints that has it, and Docker's words for what a registry does not have. Runs in
// the daemon. distribution-spec "Pulling manifests"; moby distribution/errors.go

import type { Credentials } from '../base/docker-config.ts';
import { notFound } from '../base/errors.ts';
import type { RegistryClient } from './client.ts';
import { endpointsFor } from './endpoint.ts';
import { RegistryFailure } from './failure.ts';
import { fetchManifest, type Fetched } from './manifest.ts';
import { familiar, familiarName, type Reference } from './reference.ts';
import { Session } from './session.ts';

export interface ReachOptions {
  client: RegistryClient;
  /** with a tag or a digest */
  reference: Reference;
  credentials?: Credentials;
  signal: AbortSignal;
}

/** Finds the first endpoint that has the reference, and fetches its manifest or index. @throws the last endpoint's error */
export async function reach(options: ReachOptions): Promise<{ session: Session; top: Fetched }> {
  const { client, reference, credentials, signal } = options;
  const endpoints = endpointsFor(reference, client.config());
  for (const [i, endpoint] of endpoints.entries()) {
    const session: { open?: Session } = {};
    try {
      session.open = await Session.open({
        client,
        endpoint,
        repository: reference.path,
        credentials: endpoint.mirror ? undefined : credentials,
        signal,
      });
      const wanted = reference.digest ? { digest: reference.digest } : { tag: reference.tag! };
      return { session: session.open, top: await fetchManifest(session.open, wanted) };
    } catch (error) {
      signal.throwIfAborted();
      if (session.open) client.forgetPing(endpoint);
      // A mirror need not have it; a host that may be plain HTTP need not speak TLS. The last endpoint's error is the news.
      const next = endpoint.mirror || session.open === undefined;
      if (!next || i === endpoints.length - 1) throw error;
    }
  }
  throw notFound(`no endpoints found for ${familiar(reference)}`);
}

/** Docker's words and kinds for what a registry does not have (moby distribution/errors.go). */
export function translate(error: unknown, reference: Reference): unknown {
  if (!(error instanceof RegistryFailure)) return error;
  switch (error.code) {
    case 'MANIFEST_UNKNOWN':
      return notFound(`manifest for ${familiar(reference)} not found: ${error.message}`, { cause: error });
    case 'NAME_UNKNOWN':
      return notFound(`repository ${familiarName(reference)} not found: ${error.message}`, { cause: error });
    case 'DENIED':
      return notFound(
        `pull access denied for ${familiarName(reference)}, repository does not exist or may require 'docker login': ${error.message}`,
        { cause: error, fix: `punnet login ${reference.domain === 'docker.io' ? '' : reference.domain}`.trim() },
      );
    default:
      return error;
  }
}

// Pulls an image through the daemon with the user's credentials and shows the progress. Runs in the CLI, as the user.
// Secrets go into the request's X-Registry-Auth header and nowhere else.

import { canonical, withDefaultTag, type Reference } from '../registry/reference.ts';
import type { Context } from './context.ts';
import type { Output } from './output.ts';
import { registryAuth } from './registry-auth.ts';
import { showProgress } from './show-progress.ts';

export interface PullOptions {
  platform?: string;
  /** where progress goes; undefined: nowhere */
  progress: Output | undefined;
}

/** @throws ApiError, or internal with the daemon's text when the pull fails on the way */
export async function pullImage(context: Context, reference: Reference, options: PullOptions): Promise<void> {
  const { tag, digest } = withDefaultTag(reference);
  const fromImage = canonical({ domain: reference.domain, path: reference.path });
  const response = await context.client.stream('POST', '/images/create', {
    query: { fromImage, tag: digest ?? tag, platform: options.platform },
    headers: { 'X-Registry-Auth': await registryAuth(context, reference.domain) },
  });
  await showProgress(response.body, options.progress);
}

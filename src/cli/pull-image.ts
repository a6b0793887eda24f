// Pulls an image through the daemon with the user's credentials and shows the progress. Runs in the CLI, as the user.
// Secrets go into the request's X-Registry-Auth header and nowhere else.

import type { ProgressLine } from '../api/types.ts';
import { canonical, withDefaultTag, type Reference } from '../registry/reference.ts';
import type { Context } from './context.ts';
import type { Output } from './output.ts';
import { eachJson } from './stream/each-json.ts';

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
  const { progressPrinter } = await import('./stream/progress.ts');
  const out = options.progress;
  const print = progressPrinter({
    isTerminal: out?.isTerminal ?? false,
    columns: out?.isTerminal ? out.size().columns || 200 : 200,
    write: (text) => out?.write(text),
  });
  await eachJson<ProgressLine>(response.body, print);
}

async function registryAuth(context: Context, domain: string): Promise<string> {
  const { authFor } = await import('../base/docker-config.ts');
  const { askHelper } = await import('./credential-helper.ts');
  const credentials = await authFor(domain, { config: await context.config(), ask: askHelper });
  return Buffer.from(JSON.stringify(credentials ?? {}))
    .toString('base64')
    .replace(/\+/g, '-')
    .replace(/\//g, '_');
}

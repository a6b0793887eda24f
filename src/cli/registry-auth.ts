// The user's credentials for a registry as the header X-Registry-Auth, and in nothing else. Runs in the CLI, as the user.

import type { Context } from './context.ts';

/** base64url of JSON, padded as Go pads it. @throws as authFor */
export async function registryAuth(context: Context, domain: string): Promise<string> {
  const { authFor } = await import('../base/docker-config.ts');
  const { askHelper } = await import('./credential-helper.ts');
  const credentials = await authFor(domain, { config: await context.config(), ask: askHelper });
  return Buffer.from(JSON.stringify(credentials ?? {}))
    .toString('base64')
    .replace(/\+/g, '-')
    .replace(/\//g, '_');
}

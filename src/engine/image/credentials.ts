// A client's credentials for a registry, as it may send them. Pure. Engine API: AuthConfig

import type { AuthConfig } from '../../api/types.ts';
import type { Credentials } from '../../base/docker-config.ts';

/** `auth` is base64 of `user:password`, for clients that send the entry of their configuration. */
export function credentialsOf({ auth, ...rest }: AuthConfig): Credentials {
  if (!auth || rest.username) return rest;
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? rest : { ...rest, username: text.slice(0, colon), password: text.slice(colon + 1) };
}

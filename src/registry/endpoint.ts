// Where a repository may be asked: mirrors first for docker.io, then its registry; plain HTTP only where the user or the
// loopback address allows it. Pure.

import { isInsecure, type RegistryConfig } from './config.ts';
import type { Reference } from './reference.ts';

export interface Endpoint {
  /** `https://registry-1.docker.io`, without a slash at the end */
  base: string;
  /** a mirror is asked without the user's credentials, and its failure is not the end */
  mirror: boolean;
  /** plain HTTP and unknown certificates are allowed */
  insecure: boolean;
}

const HUB = 'registry-1.docker.io';

/** The endpoints for a reference, in the order to try. */
export function endpointsFor(reference: Reference, config: RegistryConfig): Endpoint[] {
  if (reference.domain === 'docker.io') {
    const mirrors = config.mirrors.map((base) => ({ base, mirror: true, insecure: mirrorIsInsecure(base, config) }));
    return [...mirrors, { base: `https://${HUB}`, mirror: false, insecure: false }];
  }
  const insecure = isInsecure(reference.domain, config);
  const https = { base: `https://${reference.domain}`, mirror: false, insecure };
  return insecure ? [https, { ...https, base: `http://${reference.domain}` }] : [https];
}

// A mirror's URL is the user's own words: http:// there is the permission.
function mirrorIsInsecure(base: string, config: RegistryConfig): boolean {
  return base.startsWith('http://') || isInsecure(new URL(base).host, config);
}

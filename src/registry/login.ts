// Whether a registry takes a user's credentials: its challenge is answered once, and nothing is kept. Runs in the daemon.
// distribution-spec token document; moby daemon/internal/registry/auth.go, loginV2

import type { Credentials } from '../base/docker-config.ts';
import { invalidArgument, messageOf, PunnetError } from '../base/errors.ts';
import type { RegistryClient } from './client.ts';
import { endpointsFor, type Endpoint } from './endpoint.ts';
import { RegistryFailure } from './failure.ts';
import { basic } from './token.ts';
import { discard } from './transport.ts';

export interface LoginOptions {
  client: RegistryClient;
  /** host, or a URL as `docker login` files it; empty is Docker Hub */
  server: string;
  credentials: Credentials;
  signal: AbortSignal;
}

/** @throws PunnetError, unauthorized when the registry refuses the credentials */
export async function login(options: LoginOptions): Promise<void> {
  const { client, server } = options;
  const domain = domainOf(server);
  const endpoints = endpointsFor({ domain, path: '' }, client.config()).filter(({ mirror }) => !mirror);
  for (const [i, endpoint] of endpoints.entries()) {
    try {
      return await answerChallenge(endpoint, options);
    } catch (error) {
      // A host that may be plain HTTP need not speak TLS; a refusal is an answer.
      const refused = error instanceof PunnetError && error.kind === 'unauthorized';
      if (refused || i === endpoints.length - 1) throw error;
    }
  }
}

async function answerChallenge(endpoint: Endpoint, { client, credentials, signal }: LoginOptions): Promise<void> {
  // What an earlier ping said is no proof that the registry takes these credentials now.
  client.forgetPing(endpoint);
  const challenges = await client.ping(endpoint, signal);
  const url = new URL(`${endpoint.base}/v2/`);
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
  const headers: Record<string, string> = {};
  try {
    if (bearer) {
      const token = await client.tokens.get({ challenge: bearer, scope: '', credentials, signal });
      headers.authorization = `Bearer ${token}`;
    } else if (challenges.some(({ scheme }) => scheme === 'basic')) headers.authorization = basic(credentials);
  } catch (error) {
    if (!(error instanceof RegistryFailure) || (error.status !== 401 && error.status !== 403)) throw error;
    throw new PunnetError('unauthorized', `Get "${url.href}": ${messageOf(error)}`, { cause: error });
  }
  const answer = await client.follow(url, { headers, insecure: endpoint.insecure, signal });
  discard(answer);
  if (answer.status === 200) return;
  const status = `${answer.status} ${answer.statusText}`;
  throw new PunnetError('unauthorized', `login attempt to ${url.href} failed with status: ${status}`);
}

/** `https://index.docker.io/v1/` and nothing stand for Docker Hub. @throws invalidArgument for what names no host */
function domainOf(server: string): string {
  const host = server.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  if (['', 'index.docker.io', 'registry-1.docker.io', 'docker.io'].includes(host)) return 'docker.io';
  if (!/^[A-Za-z0-9.\-[\]:]+$/.test(host)) throw invalidArgument(`invalid registry address: ${JSON.stringify(server)}`);
  return host;
}

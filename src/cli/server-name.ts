// Under which name the credentials of a registry are kept. Pure. docker/cli: cli/config/credentials (ConvertToHostname)

import { HUB } from '../base/docker-config.ts';

/** `https://registry.example:5000/v2/` → `registry.example:5000`; nothing: Docker Hub */
export function serverName(argument: string | undefined): string {
  if (argument === undefined || argument === '' || argument === HUB) return HUB;
  const host = argument.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return ['docker.io', 'index.docker.io', 'registry-1.docker.io'].includes(host) ? HUB : host;
}

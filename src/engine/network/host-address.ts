// What `host-gateway` stands for. Runs in the daemon. moby: --add-host host.docker.internal:host-gateway

import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { NetworkState } from './record.ts';

/**
 * The address under which a container reaches services of the host: that of the interface which the host's default route
 * uses, since the gateway of a bridge is an address of the rootless namespace, where none listens. Without such a route, the
 * gateway all the same.
 */
export function hostAddress(network: NetworkState | undefined): string {
  const route = readFileSync('/proc/net/route', 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .find(([, destination]) => destination === '00000000');
  const address = networkInterfaces()[route?.[0] ?? '']?.find(({ family }) => family === 'IPv4')?.address;
  return (
    address ?? Object.values(network?.endpoints ?? {}).find(({ gateway }) => gateway !== '')?.gateway ?? '127.0.0.1'
  );
}

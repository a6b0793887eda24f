// Names in user-defined networks: which containers one container can see under which names, and the servers that know the
// rest. Runs in the daemon. moby: libnetwork/sandbox.go (ResolveName), resolver.go

import { readFileSync } from 'node:fs';
import { errnoOf } from '../../base/errors.ts';
import { parseAddress } from '../../network/address.ts';
import type { Zone } from '../../network/dns-answer.ts';
import { DnsServer } from '../../network/dns-server.ts';
import type { Container } from '../container/container.ts';
import { dnsNames } from '../container/network-view.ts';
import { linkTarget } from './links.ts';
import { PREDEFINED } from './predefined.ts';
import type { Endpoint, EndpointWish, NetworkState } from './record.ts';
import type { NetworkRoom } from './room.ts';

/** Whether a container of these networks has a name server: none on the default bridge alone. */
export function hasNames(state: NetworkState | undefined): boolean {
  return Object.keys(state?.endpoints ?? {}).some((name) => !PREDEFINED.includes(name));
}

/** Starts the container's name server unless it has one. `netns`: descriptor of its network namespace */
export function serveNames(room: NetworkRoom, container: Container, netns: number): void {
  if (room.nameServers.has(container.id)) return;
  const server = new DnsServer(netns, {
    zone: zoneOf(room, container),
    upstream: () => upstreamOf(room, container),
    onError: (error) => room.log(`name server of container ${container.id}: ${String(error)}`),
  });
  room.nameServers.set(container.id, server);
}

export function endNames(room: NetworkRoom, container: Container): void {
  room.nameServers.get(container.id)?.close();
  room.nameServers.delete(container.id);
}

/** The zone as it is at the moment of each question: containers come and go. */
export function zoneOf(room: NetworkRoom, container: Container): Zone {
  const networks = () =>
    Object.entries(container.state.network?.endpoints ?? {}).filter(([name]) => !PREDEFINED.includes(name));
  const peers = (network: string, id: string) => {
    const record = room.store.find(id);
    return record === undefined
      ? []
      : room.store.endpoints(record).flatMap(({ endpoint, container: owner }) => {
          const found = room.containers.find(owner);
          const wish = found?.record.endpoints[network] as EndpointWish | null | undefined;
          return found ? [{ endpoint, names: dnsNames(found, wish).map((name) => name.toLowerCase()), found }] : [];
        });
  };
  return {
    addresses(name) {
      for (const [network, { networkId }] of networks()) {
        const wish = container.record.endpoints[network] as EndpointWish | null | undefined;
        const asked = linkTarget(wish, name);
        const bare = asked.endsWith(`.${network.toLowerCase()}`) ? asked.slice(0, -network.length - 1) : asked;
        const matches = peers(network, networkId).filter(({ names }) => names.includes(bare));
        if (matches.length > 0) return rotated(matches.flatMap(({ endpoint }) => addressesOf(endpoint)));
      }
      return undefined;
    },
    name(address) {
      const value = parseAddress(address)?.value;
      for (const [network, { networkId }] of networks()) {
        for (const { endpoint, found } of peers(network, networkId)) {
          if (addressesOf(endpoint).some((each) => parseAddress(each)?.value === value))
            return `${found.name}.${network}`;
        }
      }
      return undefined;
    },
  };
}

const addressesOf = ({ ipv4, ipv6 }: Endpoint) => [ipv4, ipv6].filter(Boolean).map((text) => text.split('/')[0]!);

/** Several containers of one name take turns in being the first. */
function rotated(addresses: string[]): string[] {
  const start = Math.floor(Math.random() * addresses.length);
  return [...addresses.slice(start), ...addresses.slice(0, start)];
}

/** None for a container whose networks are all internal: names must not be a way out. */
function upstreamOf(room: NetworkRoom, container: Container): string[] {
  const endpoints = Object.values(container.state.network?.endpoints ?? {});
  if (endpoints.every(({ networkId }) => room.store.find(networkId)?.internal !== false)) return [];
  const own = container.record.hostConfig.Dns ?? [];
  return own.length > 0 ? own : hostServers();
}

/** The host's, those of its loopback device too, since the daemon asks them and not the container. */
function hostServers(): string[] {
  try {
    const text = readFileSync('/etc/resolv.conf', 'utf8');
    return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, address]) => address!);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

// Checks of what a client wishes for an endpoint, with Docker's texts. Pure. Runs in the daemon.
// moby: daemon/container_operations.go (validateEndpointSettings)

import { isIPv4, isIPv6 } from 'node:net';
import { invalidArgument, notImplemented } from '../../base/errors.ts';
import { contains, parseAddress, parsePrefix } from '../../network/address.ts';
import type { ContainerConfigBody } from '../../api/types.ts';
import { parseLink } from './links.ts';
import { PREDEFINED } from './predefined.ts';
import type { EndpointWish, NetworkRecord } from './record.ts';
import type { NetworkStore } from './store.ts';

const MAC = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i;

/** What can be said without the network, which need not exist when a container is created. @throws invalidArgument */
export function checkWishAlone(name: string, wish: EndpointWish): void {
  const { IPv4Address, IPv6Address, LinkLocalIPs } = wish.IPAMConfig ?? {};
  const problems: string[] = [];
  if (IPv4Address && !isIPv4(IPv4Address)) problems.push(`invalid IPv4 address: ${IPv4Address}`);
  if (IPv6Address && !isIPv6(IPv6Address)) problems.push(`invalid IPv6 address: ${IPv6Address}`);
  if (PREDEFINED.includes(name) || name === 'default') {
    if (IPv4Address || IPv6Address)
      problems.push('user specified IP address is supported on user defined networks only');
    if ((wish.Aliases ?? []).length > 0) {
      problems.push('network-scoped alias is supported only for containers in user defined networks');
    }
  }
  if (wish.MacAddress && !MAC.test(wish.MacAddress)) {
    problems.push(`invalid MAC address: ${wish.MacAddress}`);
  }
  if (problems.length > 0) {
    throw invalidArgument(`invalid endpoint settings:\n${problems.join('\n')}`);
  }
  if ((LinkLocalIPs ?? []).length > 0) throw notImplemented('LinkLocalIPs (--link-local-ip) is not supported yet');
  (wish.Links ?? []).forEach(parseLink);
}

/** As checkWishAlone, and what the network has to say. @throws invalidArgument */
export function checkWish(record: NetworkRecord, wish: EndpointWish): void {
  checkWishAlone(record.name, wish);
  const { IPv4Address, IPv6Address } = wish.IPAMConfig ?? {};
  for (const text of [IPv4Address, IPv6Address].filter((each): each is string => Boolean(each))) {
    if (!record.userSubnet) {
      throw invalidArgument(
        'invalid endpoint settings:\nuser specified IP address is supported only when connecting to networks with user configured subnets',
      );
    }
    const address = parseAddress(text)!;
    if (!record.ipam.some(({ Subnet }) => contains(parsePrefix(Subnet)!, address))) {
      throw invalidArgument(`invalid endpoint settings:\nno configured subnet contains IP address ${text}`);
    }
  }
}

/**
 * The networks of a new container: the one of --network, and those of NetworkingConfig, under the names that they have.
 * @throws invalidArgument for wishes that Docker refuses at create
 */
export function wantedEndpoints(
  store: NetworkStore,
  options: { mode: string; endpoints: Record<string, object | null>; config: ContainerConfigBody },
): Record<string, EndpointWish> {
  const { mode, endpoints, config } = options;
  const wishes: Record<string, EndpointWish> = {};
  for (const [name, wish] of Object.entries(endpoints) as [string, EndpointWish | null][]) {
    checkWishAlone(name, wish ?? {});
    wishes[nameOf(store, name)] = wish ?? {};
  }
  checkMac(config.MacAddress ?? '');
  if (mode.startsWith('container:')) {
    if (Object.keys(wishes).length > 0) {
      throw invalidArgument('conflicting options: networking config and the container type network mode');
    }
    return {};
  }
  const first = nameOf(store, mode);
  return { [first]: wishes[first] ?? {}, ...wishes };
}

function nameOf(store: NetworkStore, text: string): string {
  return text === 'default' || text === '' ? 'bridge' : (store.find(text)?.name ?? text);
}

function checkMac(mac: string): void {
  if (mac !== '' && !MAC.test(mac)) throw invalidArgument(`invalid MAC address: ${mac}`);
}

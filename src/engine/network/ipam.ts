// Subnets and gateways of a new network: what the client named is checked, the rest chosen. Pure.
// Runs in the daemon. Texts of moby: libnetwork/ipams/defaultipam, api/types/network/ipam.go

import { forbidden, invalidArgument } from '../../base/errors.ts';
import {
  contains,
  formatAddress,
  formatPrefix,
  lastOf,
  overlaps,
  parseAddress,
  parsePrefix,
  type Address,
  type Prefix,
} from '../../network/address.ts';
import { freeAddress, freeSubnet, uniqueLocal } from '../../network/pool.ts';
import type { IpamConfig, NetworkRecord } from './record.ts';

export interface SubnetWish {
  Subnet?: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string> | null;
  AuxAddress?: Record<string, string> | null;
}

export interface IpamInput {
  wishes: SubnetWish[];
  ipv6: boolean;
  /** subnets of other networks: none of them may be touched */
  networks: Prefix[];
  /** where the host has routes to: an automatic subnet goes elsewhere */
  routes: Prefix[];
  /** at least five random bytes */
  random: Uint8Array;
}

/** Every subnet that the network has, with its gateway. @throws invalidArgument, forbidden with Docker's texts */
export function chooseSubnets({ wishes, ipv6, networks, routes, random }: IpamInput): IpamConfig[] {
  const configs = wishes.filter(({ Subnet }) => (Subnet ?? '') !== '').map(checked);
  const rest = wishes.filter(({ Subnet }) => (Subnet ?? '') === '');
  for (const { IPRange, Gateway } of rest) {
    if (IPRange || Gateway)
      throw invalidArgument('invalid network config:\nno subnet specified for the range or gateway');
  }
  const prefixes = configs.map(({ Subnet }) => parsePrefix(Subnet)!);
  for (const [index, prefix] of prefixes.entries()) {
    if ([...networks, ...prefixes.slice(0, index)].some((other) => overlaps(other, prefix))) {
      throw forbidden('invalid pool request: Pool overlaps with other one on this address space');
    }
  }
  if (!prefixes.some(({ family }) => family === 4)) {
    const subnet = freeSubnet([...networks, ...routes]);
    if (subnet === undefined) throw invalidArgument('all predefined address pools have been fully subnetted');
    configs.unshift({ Subnet: formatPrefix(subnet) });
  }
  if (ipv6 && !prefixes.some(({ family }) => family === 6)) configs.push({ Subnet: formatPrefix(uniqueLocal(random)) });
  return configs.map(withGateway);
}

function checked(wish: SubnetWish): IpamConfig {
  const { IPRange, Gateway } = wish;
  const text = wish.Subnet!;
  const subnet = parsePrefix(text);
  if (!subnet) throw invalidArgument(`invalid network config:\ninvalid subnet ${text}: invalid CIDR block notation`);
  if (formatPrefix(subnet) !== text && subnet.value !== parseAddress(text.split('/')[0]!)?.value) {
    throw invalidArgument(`invalid network config:\ninvalid subnet ${text}: it should be ${formatPrefix(subnet)}`);
  }
  const inside = (what: string, value: string): Address => {
    const address = parseAddress(value);
    if (!address) throw invalidArgument(`invalid network config:\ninvalid ${what} ${value}: invalid address`);
    if (!contains(subnet, address)) {
      throw invalidArgument(
        `invalid network config:\ninvalid ${what} ${value}: parent subnet ${text} doesn't contain this address`,
      );
    }
    return address;
  };
  if (IPRange) {
    const range = parsePrefix(IPRange);
    if (!range)
      throw invalidArgument(`invalid network config:\ninvalid ip-range ${IPRange}: invalid CIDR block notation`);
    if (range.length < subnet.length) {
      throw invalidArgument(
        `invalid network config:\ninvalid ip-range ${IPRange}: CIDR block is bigger than its parent subnet ${text}`,
      );
    }
    if (!contains(subnet, range)) {
      throw invalidArgument(
        `invalid network config:\ninvalid ip-range ${IPRange}: parent subnet ${text} doesn't contain ip-range`,
      );
    }
  }
  const auxiliary = wish.AuxiliaryAddresses ?? wish.AuxAddress ?? {};
  for (const value of Object.values(auxiliary)) inside('auxiliary address', value);
  return {
    Subnet: formatPrefix(subnet),
    ...(IPRange ? { IPRange } : {}),
    ...(Gateway ? { Gateway: formatAddress(inside('gateway', Gateway)) } : {}),
    ...(Object.keys(auxiliary).length > 0 ? { AuxiliaryAddresses: auxiliary } : {}),
  };
}

function withGateway(config: IpamConfig): IpamConfig {
  if (config.Gateway) return config;
  const subnet = parsePrefix(config.Subnet)!;
  const range = config.IPRange ? parsePrefix(config.IPRange) : undefined;
  const gateway = freeAddress(subnet, { range, taken: valuesOf(Object.values(config.AuxiliaryAddresses ?? {})) });
  if (!gateway) throw invalidArgument(`invalid network config:\nsubnet ${config.Subnet} has no address for a gateway`);
  return { ...config, Gateway: formatAddress(gateway) };
}

function valuesOf(texts: (string | undefined)[]): Set<bigint> {
  return new Set(texts.flatMap((text) => parseAddress((text ?? '').split('/')[0]!)?.value ?? []));
}

/** Subnets of these networks. */
export function subnetsOf(records: NetworkRecord[]): Prefix[] {
  return records.flatMap(({ ipam }) => ipam.map(({ Subnet }) => parsePrefix(Subnet)!));
}

/**
 * The address of a new endpoint in the network's subnet of this family, with the subnet's length; undefined when it has none.
 * @param wanted what the client asked for
 * @param used addresses of other endpoints, as `172.17.0.2/16`
 * @throws invalidArgument, forbidden with Docker's texts
 */
export function chooseAddress(
  record: NetworkRecord,
  { family, wanted, used }: { family: 4 | 6; wanted: string | undefined; used: string[] },
): { text: string; gateway: string } | undefined {
  const configs = record.ipam.filter(({ Subnet }) => parsePrefix(Subnet)!.family === family);
  const free = ({ Subnet, IPRange, Gateway, AuxiliaryAddresses }: IpamConfig): Address | undefined => {
    const taken = valuesOf([...used, Gateway, ...Object.values(AuxiliaryAddresses ?? {})]);
    return freeAddress(parsePrefix(Subnet)!, { range: IPRange ? parsePrefix(IPRange) : undefined, taken });
  };
  const found = (config: IpamConfig, address: Address) => ({
    text: `${formatAddress(address)}/${parsePrefix(config.Subnet)!.length}`,
    gateway: config.Gateway ?? '',
  });
  if (wanted) {
    const address = parseAddress(wanted);
    const config = address && configs.find(({ Subnet }) => contains(parsePrefix(Subnet)!, address));
    if (!config || !address) {
      throw invalidArgument(`no configured subnet or ip-range contain the IP address ${wanted}`);
    }
    const subnet = parsePrefix(config.Subnet)!;
    const taken = valuesOf([...used, config.Gateway, ...Object.values(config.AuxiliaryAddresses ?? {})]);
    const reserved = family === 4 && subnet.length < 31 && [subnet.value, lastOf(subnet)].includes(address.value);
    if (taken.has(address.value) || reserved) throw forbidden('Address already in use');
    return found(config, address);
  }
  for (const config of configs) {
    const address = free(config);
    if (address) return found(config, address);
  }
  if (configs.length === 0) return undefined;
  throw forbidden(`no available IPv${family} addresses on this network's address pools: ${record.name} (${record.id})`);
}

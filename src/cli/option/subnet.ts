// --subnet, --ip-range, --gateway and --aux-address of `network create`, joined by the subnet that contains them.
// Rules and texts of docker/cli (cli/command/network/create.go, createIPAMConfig). Pure; runs in the CLI.

import { BlockList, isIP } from 'node:net';

interface SubnetConfig {
  Subnet: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

/** @throws Error with docker's text */
export function subnetConfig(options: {
  subnets: string[];
  ranges: string[];
  gateways: string[];
  auxiliary: Record<string, string>;
}): SubnetConfig[] {
  const { subnets, ranges, gateways, auxiliary } = options;
  if (subnets.length < ranges.length || subnets.length < gateways.length) {
    throw new Error('every ip-range or gateway must have a corresponding subnet');
  }
  const configs = subnets.map((Subnet): SubnetConfig => ({ Subnet }));
  for (const [index, { Subnet }] of configs.entries()) {
    const twice = configs.slice(0, index).some((other) => holds(other.Subnet, Subnet) || holds(Subnet, other.Subnet));
    if (twice) throw new Error('multiple overlapping subnet configuration is not supported');
  }
  const owner = (address: string, message: string) => {
    const found = configs.find(({ Subnet }) => holds(Subnet, address));
    if (!found) throw new Error(message);
    return found;
  };
  for (const range of ranges) {
    const config = owner(range, `no matching subnet for range ${range}`);
    if (config.IPRange)
      throw new Error(
        `cannot configure multiple ranges (${range}, ${config.IPRange}) on the same subnet (${config.Subnet})`,
      );
    config.IPRange = range;
  }
  for (const gateway of gateways) {
    const config = owner(gateway, `no matching subnet for gateway ${gateway}`);
    if (config.Gateway)
      throw new Error(
        `cannot configure multiple gateways (${gateway}, ${config.Gateway}) for the same subnet (${config.Subnet})`,
      );
    config.Gateway = gateway;
  }
  for (const [name, address] of Object.entries(auxiliary)) {
    (owner(address, `no matching subnet for aux-address ${address}`).AuxiliaryAddresses ??= {})[name] = address;
  }
  return configs;
}

/** Whether the subnet holds this address, or the first address of this subnet. @throws Error as Go's net.ParseCIDR does */
function holds(subnet: string, other: string): boolean {
  const [network = '', length = ''] = subnet.split('/');
  const family = isIP(network);
  if (family === 0 || !/^\d{1,3}$/.test(length) || Number(length) > (family === 4 ? 32 : 128)) {
    throw new Error(`invalid CIDR address: ${subnet}`);
  }
  const address = other.split('/')[0]!;
  if (isIP(address) === 0)
    throw new Error(other.includes('/') ? `invalid CIDR address: ${other}` : `no matching subnet for gateway ${other}`);
  const list = new BlockList();
  list.addSubnet(network, Number(length), family === 4 ? 'ipv4' : 'ipv6');
  return isIP(address) === family && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

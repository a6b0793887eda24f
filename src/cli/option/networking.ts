// --network and the flags that describe the container's end of it, as NetworkMode and EndpointsConfig.
// Rules and texts of docker/cli (cli/command/container/opts.go, parseNetworkOpts). Pure; runs in the CLI.

import type { Flags } from '../flag.ts';
import { checkMac, type NetworkOption } from './host.ts';

export interface Networking {
  mode: string;
  endpoints: Record<string, object>;
}

/** @throws Error with Docker's text */
export function networking(flags: Flags): Networking {
  const options = flags.all<NetworkOption>('network');
  const first = options[0];
  const endpoints: Record<string, object> = {};
  for (const [index, option] of (options.length > 0 ? options : [{ name: 'default' }]).entries()) {
    const endpoint = endpointOf(index === 0 ? withFlags(option, flags) : option);
    if (Object.hasOwn(endpoints, option.name)) {
      throw new Error(`network ${JSON.stringify(option.name)} is specified multiple times`);
    }
    // A single network without settings of its own needs no endpoint: the daemon makes it.
    if (options.length === 1 && Object.keys(endpoint).length === 0) continue;
    endpoints[option.name] = endpoint;
  }
  const userDefined = options.filter((option) => isUserDefined(option.name)).length;
  if (userDefined > 0 && userDefined < options.length) {
    throw new Error('conflicting options: cannot attach both user-defined and non-user-defined network-modes');
  }
  return { mode: first?.name ?? 'default', endpoints };
}

function isUserDefined(name: string): boolean {
  return !['default', 'bridge', 'host', 'none'].includes(name) && !name.startsWith('container:');
}

function withFlags(option: NetworkOption, flags: Flags): NetworkOption {
  const aliases = flags.all('network-alias');
  const both = (a: boolean, b: boolean, flag: string, own: string) => {
    if (a && b) throw new Error(`conflicting options: cannot specify both --${flag} and per-network ${own}`);
  };
  both(option.aliases !== undefined, aliases.length > 0, 'network-alias', 'alias');
  both(option.ip !== undefined, flags.changed('ip'), 'ip', 'IPv4 address');
  both(option.ip6 !== undefined, flags.changed('ip6'), 'ip6', 'IPv6 address');
  both(option.mac !== undefined, flags.changed('mac-address'), 'mac-address', 'MAC address');
  both(option.linkLocal !== undefined, flags.changed('link-local-ip'), 'link-local-ip', 'link-local IP addresses');
  return {
    ...option,
    ...(aliases.length > 0 && { aliases }),
    ...(flags.changed('ip') && { ip: flags.text('ip') }),
    ...(flags.changed('ip6') && { ip6: flags.text('ip6') }),
    ...(flags.changed('mac-address') && { mac: flags.text('mac-address') }),
    ...(flags.changed('link-local-ip') && { linkLocal: flags.all('link-local-ip') }),
    ...(isUserDefined(option.name) && flags.changed('link') && { links: flags.all('link') }),
  };
}

function endpointOf(option: NetworkOption): object {
  if (option.name.trim() === '') throw new Error('no name set for network');
  if (!isUserDefined(option.name) && option.aliases && option.aliases.length > 0) {
    throw new Error('network-scoped aliases are only supported for user-defined networks');
  }
  if (option.mac !== undefined) checkMac(option.mac);
  const addresses = {
    ...(option.ip !== undefined && { IPv4Address: option.ip }),
    ...(option.ip6 !== undefined && { IPv6Address: option.ip6 }),
    ...(option.linkLocal && { LinkLocalIPs: option.linkLocal }),
  };
  return {
    ...(option.links && { Links: option.links }),
    ...(option.aliases && { Aliases: option.aliases }),
    ...(option.driverOptions && { DriverOpts: option.driverOptions }),
    ...(option.mac !== undefined && { MacAddress: option.mac }),
    ...(option.priority && { GwPriority: option.priority }),
    ...(Object.keys(addresses).length > 0 && { IPAMConfig: addresses }),
  };
}

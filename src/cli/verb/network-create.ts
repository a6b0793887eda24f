// punnet network create. docker/cli: cli/command/network/create.go.

import type { Flag, Flags } from '../flag.ts';
import { toObject } from '../option/key-value.ts';
import { subnetConfig } from '../option/subnet.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'attachable', type: 'bool', help: 'Enable manual container attachment' },
  { name: 'aux-address', type: 'map', help: 'Auxiliary IPv4 or IPv6 addresses used by Network driver' },
  { name: 'config-from', type: 'string', help: 'The network from which to copy the configuration' },
  { name: 'config-only', type: 'bool', help: 'Create a configuration only network' },
  { name: 'driver', short: 'd', type: 'string', initial: '"bridge"', help: 'Driver to manage the Network' },
  { name: 'gateway', type: 'list', help: 'IPv4 or IPv6 Gateway for the master subnet' },
  { name: 'ingress', type: 'bool', help: 'Create swarm routing-mesh network' },
  { name: 'internal', type: 'bool', help: 'Restrict external access to the network' },
  { name: 'ip-range', type: 'list', help: 'Allocate container ip from a sub-range' },
  { name: 'ipam-driver', type: 'string', initial: '"default"', help: 'IP Address Management Driver' },
  { name: 'ipam-opt', type: 'map', help: 'Set IPAM driver specific options' },
  { name: 'ipv4', type: 'bool', help: 'Enable or disable IPv4 address assignment' },
  { name: 'ipv6', type: 'bool', help: 'Enable or disable IPv6 address assignment' },
  { name: 'label', type: 'list', help: 'Set metadata on a network' },
  { name: 'opt', short: 'o', type: 'map', help: 'Set driver specific options' },
  { name: 'scope', type: 'string', help: "Control the network's scope" },
  { name: 'subnet', type: 'list', help: 'Subnet in CIDR format that represents a network segment' },
];

export const examples = [
  'punnet network create backend',
  'punnet network create --subnet 10.9.0.0/24 --gateway 10.9.0.1 lab',
  'punnet network create --internal private',
];

export const run: Run = async (context, { flags, positional: [name = ''] }) => {
  const answer = await context.client.call<{ Id: string; Warning?: string }>('POST', '/networks/create', {
    body: createBody(name, flags),
  });
  if (answer.Warning) context.err.line(`WARNING: ${answer.Warning}`);
  context.out.line(answer.Id);
};

function createBody(name: string, flags: Flags): object {
  const from = flags.text('config-from');
  return {
    Name: name,
    Driver: flags.text('driver', 'bridge'),
    Scope: flags.text('scope'),
    EnableIPv4: flags.changed('ipv4') ? flags.on('ipv4') : undefined,
    EnableIPv6: flags.changed('ipv6') ? flags.on('ipv6') : undefined,
    IPAM: {
      Driver: flags.text('ipam-driver', 'default'),
      Options: toObject(flags.all('ipam-opt')),
      Config: subnetConfig({
        subnets: flags.all('subnet'),
        ranges: flags.all('ip-range'),
        gateways: flags.all('gateway'),
        auxiliary: toObject(flags.all('aux-address')),
      }),
    },
    Internal: flags.on('internal'),
    Attachable: flags.on('attachable'),
    Ingress: flags.on('ingress'),
    ConfigOnly: flags.on('config-only'),
    ConfigFrom: from === '' ? undefined : { Network: from },
    Options: toObject(flags.all('opt')),
    Labels: toObject(flags.all('label')),
  };
}

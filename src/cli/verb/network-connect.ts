// punnet network connect. docker/cli: cli/command/network/connect.go.

import type { Flag } from '../flag.ts';
import { toObject } from '../option/key-value.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  { name: 'alias', type: 'list', help: 'Add network-scoped alias for the container' },
  { name: 'driver-opt', type: 'list', help: 'driver options for the network' },
  { name: 'gw-priority', type: 'int', help: 'Highest gw-priority provides the default gateway' },
  { name: 'ip', type: 'string', help: 'IPv4 address (e.g., "172.30.100.104")' },
  { name: 'ip6', type: 'string', help: 'IPv6 address (e.g., "2001:db8::33")' },
  { name: 'link', type: 'list', help: 'Add link to another container' },
  { name: 'link-local-ip', type: 'list', help: 'Add a link-local address for the container' },
];

export const examples = ['punnet network connect --alias db backend web'];

export const run: Run = async (context, { flags, positional: [network = '', container = ''] }) => {
  const links = flags.all('link');
  const addresses = {
    IPv4Address: flags.text('ip') || undefined,
    IPv6Address: flags.text('ip6') || undefined,
    LinkLocalIPs: flags.changed('link-local-ip') ? flags.all('link-local-ip') : undefined,
  };
  const endpoint = {
    IPAMConfig: addresses,
    Links: links.length > 0 ? links : undefined,
    Aliases: flags.all('alias'),
    DriverOpts: toObject(flags.all('driver-opt')),
    GwPriority: flags.number('gw-priority'),
  };
  await context.client.call('POST', `/networks/${network}/connect`, {
    body: { Container: container, EndpointConfig: endpoint },
  });
};

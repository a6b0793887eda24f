// punnet network ls: lists networks. docker/cli: cli/command/network/list.go.

import { filter, filterQuery, listFormat } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { formatList } from '../format/list.ts';
import { Struct } from '../format/template.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  filter,
  listFormat,
  { name: 'no-trunc', type: 'bool', help: 'Do not truncate the output' },
  { name: 'quiet', short: 'q', type: 'bool', help: 'Only display network IDs' },
];

export const examples = ['punnet network ls', 'punnet network ls --filter type=custom -q'];

interface Summary {
  Id: string;
  Name: string;
  Driver: string;
  Scope: string;
  Internal: boolean;
  EnableIPv4?: boolean;
  EnableIPv6: boolean;
  Created: string;
  Labels: Record<string, string> | null;
}

const HEADERS = {
  ID: 'NETWORK ID',
  Name: 'NAME',
  Driver: 'DRIVER',
  Scope: 'SCOPE',
  IPv4: 'IPV4',
  IPv6: 'IPV6',
  Internal: 'INTERNAL',
  Labels: 'LABELS',
  CreatedAt: 'CREATED AT',
};

export const run: Run = async (context, { flags }) => {
  const query = { filters: filterQuery(flags.all<{ name: string; value: string }>('filter')) };
  const networks = await context.client.call<Summary[]>('GET', '/networks', { query });
  const quiet = flags.on('quiet');
  const rows = networks
    .toSorted((a, b) => a.Name.localeCompare(b.Name, 'en', { numeric: true }))
    .map((network) => row(network, { truncate: !flags.on('no-trunc') }));
  const format = flags.text('format') || 'table';
  context.out.write(formatList(rows, { format: networkFormat(format, quiet), headers: HEADERS }));
};

function row(network: Summary, { truncate }: { truncate: boolean }): Struct {
  return new Struct('*network.networkContext', {
    ID: () => (truncate ? network.Id.slice(0, 12) : network.Id),
    Name: () => network.Name,
    Driver: () => network.Driver,
    Scope: () => network.Scope,
    IPv4: () => String(network.EnableIPv4 ?? true),
    IPv6: () => String(network.EnableIPv6),
    Internal: () => String(network.Internal),
    Labels: () =>
      Object.entries(network.Labels ?? {})
        .map(([key, value]) => `${key}=${value}`)
        .sort()
        .join(','),
    Label: (key: unknown) => network.Labels?.[String(key)] ?? '',
    CreatedAt: () => network.Created.replace('T', ' ').replace('Z', ' +0000 UTC'),
  });
}

function networkFormat(format: string, quiet: boolean): string {
  if (format === 'table') return quiet ? '{{.ID}}' : 'table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}';
  if (format === 'raw') {
    return quiet
      ? 'network_id: {{.ID}}'
      : 'network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n';
  }
  return format;
}

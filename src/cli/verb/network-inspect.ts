// punnet network inspect. docker/cli: cli/command/network/inspect.go.

import { objectFormat } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { inspectObjects } from '../inspect-objects.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [
  objectFormat,
  { name: 'verbose', short: 'v', type: 'bool', help: 'Verbose output for diagnostics' },
];

export const examples = ["punnet network inspect -f '{{range .IPAM.Config}}{{.Subnet}}{{end}}' bridge"];

export const run: Run = async (context, { flags, positional }) => {
  const look = (name: string) => context.client.text('GET', `/networks/${name}`, {});
  await inspectObjects(context, { names: positional, format: flags.text('format'), look });
};

// punnet port: which port of the host leads where. docker/cli: cli/command/container/port.go.

import { readUint, type Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [];

type Bindings = Record<string, { HostIp: string; HostPort: string }[] | null>;

export const run: Run = async (context, { positional: [name = '', port] }) => {
  const container = await context.client.call<{ NetworkSettings?: { Ports?: Bindings | null } }>(
    'GET',
    `/containers/${name}/json`,
  );
  const ports = container.NetworkSettings?.Ports ?? {};
  const address = ({ HostIp, HostPort }: { HostIp: string; HostPort: string }) =>
    `${HostIp.includes(':') ? `[${HostIp}]` : HostIp}:${HostPort}`;
  let lines: string[];
  if (port === undefined) {
    lines = Object.entries(ports).flatMap(([from, to]) => (to ?? []).map((each) => `${from} -> ${address(each)}`));
  } else {
    const [number = '', protocol] = port.split('/');
    try {
      readUint(number, 16);
    } catch (error) {
      throw new Error(`Error: invalid port (${number}): ${(error as Error).message}`, { cause: error });
    }
    const bound = ports[`${number}/${protocol || 'tcp'}`];
    if (!bound || bound.length === 0) throw new Error(`Error: No public port '${port}' published for ${name}`);
    lines = bound.map(address);
  }
  lines.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  for (const line of lines) context.out.line(line);
};

// What a create request says of ports: checked when the container is created, read again at every start. Pure.
// Runs in the daemon. moby: daemon/container.go (validatePortBindings), go-connections nat

import { isIP } from 'node:net';
import type { HostConfigBody } from '../../api/types.ts';
import { invalidArgument, notImplemented } from '../../base/errors.ts';

export interface WantedPort {
  /** `80/tcp` */
  inside: string;
  publish: boolean;
  /** empty: every address of the host */
  hostIp: string;
  /** the ports to try, in this order; empty: any */
  ports: number[];
}

/** Every port that is exposed or published, in the order of their numbers. @throws invalidArgument, notImplemented */
export function wantedPorts(
  exposed: Record<string, object> | null | undefined,
  { PortBindings, PublishAllPorts }: Pick<HostConfigBody, 'PortBindings' | 'PublishAllPorts'>,
): WantedPort[] {
  const wanted: WantedPort[] = [];
  const seen = new Set<string>();
  for (const [port, bindings] of Object.entries(PortBindings ?? {})) {
    const inside = checkPort(port);
    for (const { HostIp = '', HostPort = '' } of bindings ?? []) {
      if (inside.endsWith('/sctp')) throw notImplemented(`publishing ${inside} is not supported: SCTP`);
      if (HostIp !== '' && isIP(HostIp) === 0) throw invalidArgument(`invalid host IP address: ${HostIp}`);
      seen.add(inside);
      wanted.push({ inside, publish: true, hostIp: HostIp, ports: hostPorts(HostPort) });
    }
  }
  for (const port of Object.keys(exposed ?? {}).map(checkPort)) {
    if (seen.has(port)) continue;
    seen.add(port);
    wanted.push({ inside: port, publish: PublishAllPorts === true && !port.endsWith('/sctp'), hostIp: '', ports: [] });
  }
  return wanted.sort((a, b) => parseInt(a.inside) - parseInt(b.inside));
}

/** `80`, `80/tcp` → `80/tcp` */
function checkPort(text: string): string {
  const [number = '', protocol = 'tcp'] = text.split('/');
  if (!/^\d+$/.test(number) || Number(number) > 65535) throw invalidArgument(`invalid port specification: "${text}"`);
  if (!['tcp', 'udp', 'sctp'].includes(protocol.toLowerCase())) {
    throw invalidArgument(`invalid port specification: "${text}": invalid proto: ${protocol}`);
  }
  return `${Number(number)}/${protocol.toLowerCase()}`;
}

/** `8080`, `8000-8010`; empty and 0 mean any. */
function hostPorts(text: string): number[] {
  if (text === '' || text === '0') return [];
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  const [low, high] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  if (!match || high > 65535 || low > high) throw invalidArgument(`invalid port specification: "${text}"`);
  return Array.from({ length: high - low + 1 }, (_, i) => low + i);
}

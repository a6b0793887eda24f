// Published ports of a container: which sockets of the host, bound before the container is made, so that a port that is taken
// is an error of start; handed to the forwarder while init waits. Runs in the daemon. moby: libnetwork/drivers/bridge/port_mapping_linux.go

import { closeSync, readFileSync } from 'node:fs';
import { errnoOf, forbidden, internal, messageOf } from '../../base/errors.ts';
import { formatAddress, parseAddress, parsePrefix, type Address } from '../../network/address.ts';
import type { Forward } from '../../network/forwarder.ts';
import { openHostPort } from '../../network/host-port.ts';
import type { Container } from '../container/container.ts';
import { wantedPorts, type WantedPort } from './port-wishes.ts';
import { OPTION } from './predefined.ts';
import type { Endpoint, NetworkState } from './record.ts';
import type { NetworkRoom } from './room.ts';
import { gatewayOrder } from './sandbox.ts';

/** How often another ephemeral port is tried, where the first is free on one address of the host only. */
const ATTEMPTS = 16;

/** A socket of the host for one port of the container. */
export interface OpenPort {
  /** `80/tcp` */
  inside: string;
  address: Address;
  port: number;
  fd: number;
}

/** Binds what the container publishes and notes it in `state`. @throws internal, forbidden with Docker's texts; nothing stays open then */
export function openPorts(room: NetworkRoom, container: Container, state: NetworkState): OpenPort[] {
  const { config, hostConfig } = container.record;
  const wanted = wantedPorts(config.ExposedPorts, hostConfig);
  for (const { inside } of wanted) state.ports[inside] = null;
  const way = publishingEndpoint(room, container, state);
  if (way === undefined) return [];
  const open: OpenPort[] = [];
  try {
    for (const wish of wanted.filter(({ publish }) => publish)) {
      const opened = openOne(room, { container, wish, way });
      open.push(...opened);
      const list = (state.ports[wish.inside] ??= []);
      list.push(...opened.map(({ address, port }) => ({ HostIp: formatAddress(address), HostPort: String(port) })));
    }
  } catch (error) {
    closePorts(open);
    throw error;
  }
  return open;
}

/** Closes our descriptors, once. */
export function closePorts(open: OpenPort[]): void {
  for (const { fd } of open.splice(0)) closeSync(fd);
}

/** The endpoint that published ports lead to: the one that the default route goes through. */
function publishingEndpoint(room: NetworkRoom, container: Container, state: NetworkState): Endpoint | undefined {
  const name = gatewayOrder(container, state).find((each) => {
    const record = room.store.byName(each);
    return record?.driver === 'bridge' && !record.internal;
  });
  return name === undefined ? undefined : state.endpoints[name];
}

interface Open {
  container: Container;
  wish: WantedPort;
  way: Endpoint;
}

/** All addresses of the host that one wish names, on the same port. */
function openOne(room: NetworkRoom, { container, wish, way }: Open): OpenPort[] {
  const { inside, hostIp, ports } = wish;
  const [, protocol = 'tcp'] = inside.split('/');
  const fallback = room.store.get(way.networkId).options[OPTION.hostAddress] ?? '';
  const given = hostIp || (fallback === '0.0.0.0' ? '' : fallback);
  const addresses = given === '' ? ['0.0.0.0', '::'] : [given];
  let failure: unknown;
  for (const port of ports.length > 0 ? ports : Array<number>(ATTEMPTS).fill(0)) {
    const open: OpenPort[] = [];
    try {
      for (const text of addresses) {
        const address = parseAddress(text)!;
        const wanted = { address, port: open[0]?.port ?? port, protocol: protocol as 'tcp' };
        const opened = tryOpen(wanted, given === '');
        if (opened) open.push({ inside, address, ...opened });
      }
      return open;
    } catch (error) {
      closePorts(open);
      failure = describe(room, error, { container, wish, way, at: `${addresses[0]}:${open[0]?.port ?? port}`, port });
      if (errnoOf(error) !== 'EADDRINUSE') break;
    }
  }
  throw failure;
}

/** undefined where the host has no IPv6 and nobody asked for it by name. */
function tryOpen(
  wanted: Parameters<typeof openHostPort>[0],
  everywhere: boolean,
): ReturnType<typeof openHostPort> | undefined {
  try {
    return openHostPort(wanted);
  } catch (error) {
    const none = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(errnoOf(error) ?? '');
    if (everywhere && wanted.address.family === 6 && none) return undefined;
    throw error;
  }
}

function describe(room: NetworkRoom, error: unknown, details: Open & { at: string; port: number }): Error {
  const { container, wish, way, at, port } = details;
  const prefix = `driver failed programming external connectivity on endpoint ${container.name} (${way.id}): `;
  const code = errnoOf(error);
  if (code === 'EADDRINUSE' && isOurs(room, wish.inside.split('/')[1]!, port)) {
    return forbidden(`${prefix}Bind for ${at} failed: port is already allocated`, { cause: error });
  }
  const [number, protocol] = wish.inside.split('/');
  const what = `failed to bind host port for ${at}:${way.ipv4.split('/')[0]}:${number}/${protocol}: `;
  if (code === 'EADDRINUSE') return internal(`${prefix}${what}address already in use`, { cause: error });
  if (code === 'EACCES') {
    const first = readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8').trim();
    return internal(
      `${prefix}cannot expose privileged port ${port}, you can add 'net.ipv4.ip_unprivileged_port_start=${port}' to ` +
        `/etc/sysctl.conf (currently ${first}), or choose a larger port number (>= ${first}): ` +
        `listen ${protocol}4 ${at}: bind: permission denied`,
      { cause: error, fix: `sudo sysctl -w net.ipv4.ip_unprivileged_port_start=${port}` },
    );
  }
  if (code === 'EADDRNOTAVAIL') return internal(`${prefix}${what}cannot assign requested address`, { cause: error });
  return internal(`${prefix}${what}${messageOf(error)}`, { cause: error });
}

/** Whether another of our containers has the port. */
function isOurs(room: NetworkRoom, protocol: string, port: number): boolean {
  return room.containers
    .all()
    .some((other) =>
      Object.entries(other.state.network?.ports ?? {}).some(
        ([inside, bindings]) =>
          inside.endsWith(`/${protocol}`) && (bindings ?? []).some(({ HostPort }) => HostPort === String(port)),
      ),
    );
}

/** What is published on every address of the host is found at the gateways too, by containers; Docker's proxy listens there. */
async function openAtGateways(room: NetworkRoom, way: Endpoint, open: OpenPort[]): Promise<OpenPort[]> {
  const { netns } = await room.network();
  const opened: OpenPort[] = [];
  try {
    for (const { inside, address, port } of open.filter((each) => each.address.value === 0n)) {
      if (address.family === 6 && way.ipv6 === '') continue;
      const protocol = inside.split('/')[1] as 'tcp';
      opened.push({ inside, address, ...openHostPort({ address, port, protocol, netns }) });
    }
    return opened;
  } catch (error) {
    closePorts(opened);
    throw internal(`publish ports at the gateways of bridges: ${messageOf(error)}`, { cause: error });
  }
}

/** Hands open ports to the forwarder, which has its own descriptors from then on. */
export async function forwardPorts(
  room: NetworkRoom,
  container: Container,
  { state, open }: { state: NetworkState; open: OpenPort[] },
): Promise<void> {
  const way = open.length > 0 ? publishingEndpoint(room, container, state) : undefined;
  try {
    if (!way) return;
    const forwarder = await room.forwarder();
    open.push(...(await openAtGateways(room, way, open)));
    for (const { inside, address, fd } of open) {
      const [number, protocol] = inside.split('/');
      // A client of IPv6 reaches a container without it too, from the gateway's address.
      const text = address.family === 6 && way.ipv6 !== '' ? way.ipv6 : way.ipv4;
      const forward: Forward = {
        key: container.id,
        protocol: protocol as 'tcp',
        target: { address: parseAddress(text.split('/')[0]!)!, port: Number(number) },
        subnet: parsePrefix(text)!,
      };
      forwarder.add(forward, fd);
    }
  } finally {
    closePorts(open);
  }
}

/** Whether the container has ports of the host. */
export function publishes(state: NetworkState | undefined): boolean {
  return Object.values(state?.ports ?? {}).some((bindings) => (bindings ?? []).length > 0);
}

/** Binds again what a running container has published: after the forwarder ended, or when its networks have changed. */
export async function republish(room: NetworkRoom, container: Container): Promise<void> {
  const state = container.state.network;
  if (!state || !publishes(state)) return;
  (await room.forwarder()).remove(container.id);
  if (publishingEndpoint(room, container, state) === undefined) return;
  const open: OpenPort[] = [];
  for (const [inside, bindings] of Object.entries(state.ports)) {
    for (const { HostIp, HostPort } of bindings ?? []) {
      const address = parseAddress(HostIp)!;
      try {
        const protocol = inside.split('/')[1] as 'tcp';
        open.push({ inside, address, ...openHostPort({ address, port: Number(HostPort), protocol }) });
      } catch (error) {
        room.log(`container ${container.id}: publish ${HostIp}:${HostPort} again: ${messageOf(error)}`);
      }
    }
  }
  await forwardPorts(room, container, { state, open });
}

// A container's networks from before its start to after its end: addresses are chosen before the plan, devices are made while
// init waits, and all is given back when the container has ended. Runs in the daemon. moby: daemon/container_operations.go

import { closeSync } from 'node:fs';
import { messageOf, notFound, conflict } from '../../base/errors.ts';
import { macOf, parseAddress, type Address } from '../../network/address.ts';
import type { Port } from '../../network/firewall.ts';
import {
  namespaceOf,
  removeFromContainer,
  type BridgePlug,
  type InterfaceAddress,
  type Plug,
} from '../../network/rootless-network.ts';
import type { Container } from '../container/container.ts';
import { chooseAddress } from './ipam.ts';
import { newId, newPortName } from './new-id.ts';
import { OPTION } from './predefined.ts';
import { endNames, hasNames, serveNames } from './names.ts';
import { publishes, republish } from './ports.ts';
import type { Endpoint, EndpointWish, NetworkRecord, NetworkState } from './record.ts';
import { bridgeOf, isFalse, mtuOf, type NetworkRoom } from './room.ts';

/** Whether a container of this mode has devices of its own to be connected. */
export function hasOwnNetwork(mode: string | undefined): boolean {
  return mode !== 'host' && mode !== 'none' && !mode?.startsWith('container:');
}

/** Chooses what the container will have; nothing in the kernel is touched. @throws notFound, invalidArgument, forbidden */
export function allocate(room: NetworkRoom, container: Container): NetworkState | undefined {
  const { hostConfig, endpoints } = container.record;
  if (!hasOwnNetwork(hostConfig.NetworkMode)) return undefined;
  const state: NetworkState = { sandboxId: newId(), endpoints: {}, ports: {} };
  try {
    for (const [name, wish] of ordered(endpoints, hostConfig.NetworkMode)) {
      const record = room.store.get(name);
      state.endpoints[record.name] = newEndpoint(room, record, { container, wish: wish ?? {}, others: state });
    }
  } catch (error) {
    for (const endpoint of Object.values(state.endpoints)) room.store.release(endpoint);
    throw error;
  }
  return state;
}

/** The network of --network first, then by name. */
function ordered(endpoints: Record<string, object | null>, mode: string | undefined): [string, EndpointWish | null][] {
  const rank = (name: string) => (name === mode ? 0 : 1);
  return (Object.entries(endpoints) as [string, EndpointWish | null][]).sort(
    ([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1),
  );
}

/** Takes addresses for a new endpoint. @throws as chooseAddress does */
export function newEndpoint(
  room: NetworkRoom,
  record: NetworkRecord,
  { container, wish, others }: { container: Container; wish: EndpointWish; others: NetworkState },
): Endpoint {
  const inUse = room.store.endpoints(record).map(({ endpoint }) => endpoint);
  const { IPv4Address, IPv6Address } = wish.IPAMConfig ?? {};
  const ipv4 = chooseAddress(record, { family: 4, wanted: IPv4Address, used: inUse.map((each) => each.ipv4) });
  const ipv6 = record.ipv6
    ? chooseAddress(record, { family: 6, wanted: IPv6Address, used: inUse.map((each) => each.ipv6) })
    : undefined;
  const first = parseAddress((ipv4 ?? ipv6)!.text.split('/')[0]!)!;
  const wishedMac =
    wish.MacAddress ||
    (record.name === container.record.hostConfig.NetworkMode ? container.record.config.MacAddress : '');
  const endpoint: Endpoint = {
    networkId: record.id,
    id: newId(),
    device: freeDevice(record, others),
    port: record.driver === 'bridge' ? newPortName() : '',
    mac: wishedMac ? wishedMac.toLowerCase().replaceAll('-', ':') : macOf(first),
    ipv4: ipv4?.text ?? '',
    ipv6: ipv6?.text ?? '',
    gateway: record.internal ? '' : (ipv4?.gateway ?? ''),
    gateway6: record.internal ? '' : (ipv6?.gateway ?? ''),
  };
  room.store.use(endpoint, container.id);
  return endpoint;
}

function freeDevice(record: NetworkRecord, { endpoints }: NetworkState): string {
  const prefix = record.options[OPTION.prefix] || 'eth';
  const taken = new Set(Object.values(endpoints).map(({ device }) => device));
  for (let number = 0; ; number++) if (!taken.has(`${prefix}${number}`)) return `${prefix}${number}`;
}

/** Names of networks in the order in which they are asked for the default route: by GwPriority, then by name. */
export function gatewayOrder(container: Container, state: NetworkState): string[] {
  const priority = (name: string) => (container.record.endpoints[name] as EndpointWish | null)?.GwPriority ?? 0;
  return Object.keys(state.endpoints).sort((a, b) => priority(b) - priority(a) || (a < b ? -1 : 1));
}

/** The network that the default route of a family goes through, or undefined. */
function gatewayOf(container: Container, state: NetworkState, family: 'gateway' | 'gateway6'): string | undefined {
  return gatewayOrder(container, state).find((name) => state.endpoints[name]![family] !== '');
}

/** The default routes of a container, at most one of each family. */
export function chooseGateways(container: Container, state: NetworkState): Map<string, Address[]> {
  const routes = new Map<string, Address[]>();
  for (const family of ['gateway', 'gateway6'] as const) {
    const name = gatewayOf(container, state, family);
    if (name === undefined) continue;
    routes.set(name, [...(routes.get(name) ?? []), parseAddress(state.endpoints[name]![family])!]);
  }
  return routes;
}

/** Makes the devices of a container whose init waits. What was made before a failure goes with the container's namespace. */
export async function attach(
  room: NetworkRoom,
  container: Container,
  options: { state: NetworkState; pid: number },
): Promise<void> {
  const { state, pid } = options;
  const names = Object.keys(state.endpoints);
  if (names.length === 0) return;
  await room.network();
  if (names.some((name) => !room.store.get(name).internal)) await room.uplink();
  const routes = chooseGateways(container, state);
  const netns = namespaceOf(pid);
  try {
    for (const [name, endpoint] of Object.entries(state.endpoints)) {
      await plug(room, endpoint, { netns, gateways: routes.get(name) ?? [] });
      room.publish('connect', room.store.get(name), { container: container.id });
    }
    if (hasNames(state)) serveNames(room, container, netns);
  } finally {
    closeSync(netns);
  }
}

/** Makes one endpoint's devices. */
export async function plug(
  room: NetworkRoom,
  endpoint: Endpoint,
  { netns, gateways }: { netns: number; gateways: Address[] },
): Promise<void> {
  const network = await room.network();
  const record = room.store.get(endpoint.networkId);
  const own: Plug = {
    name: endpoint.device,
    mac: endpoint.mac,
    addresses: addressesOf(endpoint),
    gateways,
    mtu: mtuOf(record),
    ipv6: record.ipv6,
  };
  if (record.driver === 'macvlan') {
    const { parent = '', macvlan_mode: mode = 'bridge' } = record.options;
    network.plugMacvlan({ ...own, parent, mode: mode as 'bridge' }, netns);
    return;
  }
  const bridge = bridgeOf(record);
  network.addBridge(bridge);
  const isolated = isFalse(record.options[OPTION.icc]);
  network.plugBridge({ ...own, bridge: bridge.name, port: endpoint.port, isolated }, netns);
}

/** Takes one endpoint's devices away. `netns`: of the container that goes on without it. */
export async function unplug(room: NetworkRoom, endpoint: Endpoint, netns: number): Promise<void> {
  // By our end of it: the container may have given its own another name.
  if (endpoint.port !== '') (await room.network()).unplugBridge(portPlug(endpoint));
  else removeFromContainer(endpoint.device, netns);
}

/** Gives back what a container had, ports at once; the kernel deletes its devices when its namespace ends. Never throws. */
export function release(room: NetworkRoom, container: Container, state: NetworkState | undefined): void {
  if (state === undefined) return;
  endNames(room, container);
  for (const endpoint of Object.values(state.endpoints)) {
    room.store.release(endpoint);
    const record = room.store.find(endpoint.networkId);
    if (record) room.publish('disconnect', record, { container: container.id });
  }
  void giveBack(room, container, state).catch((error: unknown) =>
    room.log(`give back the network of container ${container.id}: ${messageOf(error)}`),
  );
}

async function giveBack(room: NetworkRoom, container: Container, state: NetworkState): Promise<void> {
  if (publishes(state)) room.findForwarder()?.remove(container.id);
  const network = await room.opened();
  for (const endpoint of Object.values(state.endpoints))
    if (endpoint.port !== '') network?.forgetPort(portPlug(endpoint));
}

/** After a start of the daemon: what running containers have is in use; the devices are brought to what the records say. */
export async function restore(room: NetworkRoom): Promise<void> {
  for (const container of room.containers.all().filter(({ running }) => running)) {
    for (const endpoint of Object.values(container.state.network?.endpoints ?? {}))
      room.store.use(endpoint, container.id);
  }
  const bridges = room.store.all().filter(({ driver, ipam }) => driver === 'bridge' && ipam.length > 0);
  const endpoints = bridges.flatMap((record) => room.store.endpoints(record));
  room.findNetwork()?.restore({
    bridges: bridges.map(bridgeOf),
    ports: endpoints.map(({ endpoint }): Port => ({
      name: endpoint.port,
      mac: endpoint.mac,
      addresses: addressesOf(endpoint).map(({ address }) => address),
    })),
  });
  await restorePorts(room);
  for (const container of room.containers.all()) restoreNames(room, container);
  room.forwarderEnded = () => {
    room.log('the forwarder of published ports ended; it is started again');
    void restorePorts(room).catch((error: unknown) => room.log(`publish ports again: ${messageOf(error)}`));
  };
}

/** The sockets of an earlier daemon's name servers ended with it. */
function restoreNames(room: NetworkRoom, container: Container): void {
  if (!container.running || container.state.pid === 0 || !hasNames(container.state.network)) return;
  try {
    const netns = namespaceOf(container.state.pid);
    try {
      serveNames(room, container, netns);
    } finally {
      closeSync(netns);
    }
  } catch (error) {
    room.log(`name server of container ${container.id}: ${messageOf(error)}`);
  }
}

/** Ports of containers that ended are closed, and those of running ones opened where the forwarder has none of them. */
async function restorePorts(room: NetworkRoom): Promise<void> {
  const has = room.findForwarder()?.keys() ?? new Set<string>();
  const publishing = room.containers.all().filter(({ running, state }) => running && publishes(state.network));
  for (const id of has) if (!publishing.some((container) => container.id === id)) room.findForwarder()?.remove(id);
  for (const container of publishing) if (!has.has(container.id)) await republish(room, container);
}

function addressesOf({ ipv4, ipv6 }: Endpoint): InterfaceAddress[] {
  return [ipv4, ipv6].filter(Boolean).map((text) => {
    const [address = '', length] = text.split('/');
    return { address: parseAddress(address)!, length: Number(length) };
  });
}

const portPlug = (endpoint: Endpoint): Pick<BridgePlug, 'port' | 'mac' | 'addresses'> => ({
  port: endpoint.port,
  mac: endpoint.mac,
  addresses: addressesOf(endpoint),
});

/** The container whose network one of mode `container:x` shares. @throws notFound, conflict with Docker's texts */
export function joinedContainer(room: NetworkRoom, container: Container): Container | undefined {
  const { NetworkMode = '' } = container.record.hostConfig;
  if (!NetworkMode.startsWith('container:')) return undefined;
  const target = room.containers.find(NetworkMode.slice('container:'.length));
  if (!target) throw notFound(`No such container: ${NetworkMode.slice('container:'.length)}`);
  if (!target.running || target.state.pid === 0) {
    throw conflict(`cannot join network of a non running container: ${target.id}`);
  }
  return target;
}

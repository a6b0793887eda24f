// `network connect` and `network disconnect`: at once where the container runs, else at its next start.
// Runs in the daemon. moby: daemon/container_operations.go (ConnectToNetwork, DisconnectFromNetwork)

import { closeSync } from 'node:fs';
import { forbidden, internal, invalidArgument, messageOf } from '../../base/errors.ts';
import { namespaceOf, setDefaultRoutes } from '../../network/rootless-network.ts';
import type { Container } from '../container/container.ts';
import { hasNames, serveNames } from './names.ts';
import { republish } from './ports.ts';
import { checkWish } from './wish.ts';
import type { EndpointWish, NetworkRecord, NetworkState } from './record.ts';
import type { NetworkRoom } from './room.ts';
import { chooseGateways, newEndpoint, plug, unplug } from './sandbox.ts';

/** @throws PunnetError with Docker's texts; nothing has changed then */
export async function connect(
  room: NetworkRoom,
  record: NetworkRecord,
  { container, wish }: { container: Container; wish: EndpointWish },
): Promise<void> {
  await container.exclusive(async () => {
    checkModes(container, record);
    if (Object.hasOwn(container.record.endpoints, record.name)) {
      throw forbidden(`endpoint with name ${container.name} already exists in network ${record.name}`);
    }
    checkWish(record, wish);
    const { network: state } = container.state;
    if (container.running && state) await join(room, record, { container, wish, state });
    container.record.endpoints[record.name] = wish;
    container.saveRecord();
    await settle(room, container);
    room.publish('connect', record, { container: container.id });
  });
}

async function join(
  room: NetworkRoom,
  record: NetworkRecord,
  { container, wish, state }: { container: Container; wish: EndpointWish; state: NetworkState },
): Promise<void> {
  const endpoint = newEndpoint(room, record, { container, wish, others: state });
  const netns = namespaceOf(container.state.pid);
  try {
    if (!record.internal) await room.uplink();
    await plug(room, endpoint, { netns, gateways: [] });
    try {
      state.endpoints[record.name] = endpoint;
      // Only now, when the device is there: another network may have become the way outside.
      setDefaultRoutes([...chooseGateways(container, state).values()].flat(), netns);
      if (hasNames(state)) serveNames(room, container, netns);
    } catch (error) {
      await unplug(room, endpoint, netns).catch((second: unknown) => room.log(`after a failure: ${messageOf(second)}`));
      throw error;
    }
  } catch (error) {
    delete state.endpoints[record.name];
    room.store.release(endpoint);
    throw error;
  } finally {
    closeSync(netns);
  }
}

/** @throws PunnetError with Docker's texts */
export async function disconnect(
  room: NetworkRoom,
  record: NetworkRecord,
  { container }: { container: Container },
): Promise<void> {
  await container.exclusive(async () => {
    if (record.driver === 'host') throw hostNetwork();
    if (!Object.hasOwn(container.record.endpoints, record.name)) {
      throw internal(`container ${container.id} is not connected to network ${record.name}`);
    }
    const { network: state } = container.state;
    const endpoint = state?.endpoints[record.name];
    if (state && endpoint && container.running) {
      const netns = namespaceOf(container.state.pid);
      try {
        await unplug(room, endpoint, netns);
        delete state.endpoints[record.name];
        setDefaultRoutes([...chooseGateways(container, state).values()].flat(), netns);
      } finally {
        closeSync(netns);
      }
      room.store.release(endpoint);
    }
    delete container.record.endpoints[record.name];
    container.saveRecord();
    await settle(room, container);
    room.publish('disconnect', record, { container: container.id });
  });
}

/** What follows a change of a running container's networks: its state on disk, its files, the way of its published ports. */
async function settle(room: NetworkRoom, container: Container): Promise<void> {
  if (!container.running) return;
  container.change({});
  room.changed(container);
  await republish(room, container);
}

const hostNetwork = () =>
  invalidArgument('container cannot be disconnected from host network or connected to host network');

function checkModes(container: Container, record: NetworkRecord): void {
  const { NetworkMode = '' } = container.record.hostConfig;
  if (NetworkMode.startsWith('container:')) {
    throw invalidArgument(
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
  }
  if (record.driver === 'host' || NetworkMode === 'host') throw hostNetwork();
  if (record.driver === 'null' || NetworkMode === 'none') {
    throw invalidArgument(
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
  }
}

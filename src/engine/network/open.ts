// Opens the room of networks: reads the records, makes the predefined ones, and finds what an earlier daemon left in the
// kernel. Runs in the daemon, once, after the containers are known.

import { join } from 'node:path';
import { internal, messageOf } from '../../base/errors.ts';
import { formatPrefix } from '../../network/address.ts';
import { freeSubnet } from '../../network/pool.ts';
import { MTU } from '../../network/uplink.ts';
import { findInPath } from '../../rootless/find-in-path.ts';
import { chooseSubnets, subnetsOf } from './ipam.ts';
import { missingPredefined } from './predefined.ts';
import { readNetworks, writeNetwork, type NetworkRecord } from './record.ts';
import { hostRoutes, NetworkRoom, type NetworkRoomOptions } from './room.ts';

export interface OpenOptions extends Omit<NetworkRoomOptions, 'directory' | 'run' | 'uplinkPrograms'> {
  /** data and runtime directory of the daemon */
  root: string;
  run: string;
  env: NodeJS.ProcessEnv;
}

/** Reads all records; kernel and endpoints follow with `restore`, when the containers are known. */
export function openNetworks(options: OpenOptions): NetworkRoom {
  const { root, run, env, containers, events, shimProgram, log } = options;
  const room = new NetworkRoom({
    directory: join(root, 'network'),
    run: join(run, 'network'),
    containers,
    events,
    shimProgram,
    log,
    uplinkPrograms: ['pasta', 'slirp4netns'].flatMap((program) => findInPath(program, env.PATH) ?? []),
  });
  for (const record of readNetworks(room.directory)) room.store.add(record);
  const names = room.store.all().map(({ name }) => name);
  for (const record of missingPredefined(names, MTU)) {
    if (record.driver === 'bridge') giveSubnet(room, record);
    writeNetwork(room.directory, record);
    room.store.add(record);
  }
  return room;
}

/** The default bridge's, away from the host's own where that is possible. */
function giveSubnet(room: NetworkRoom, record: NetworkRecord): void {
  const networks = subnetsOf(room.store.all());
  try {
    const routes = freeSubnet([...networks, ...hostRoutes()]) ? hostRoutes() : [];
    record.ipam = chooseSubnets({ wishes: [], ipv6: false, networks, routes, random: new Uint8Array(5) });
  } catch (error) {
    throw internal(`choose a subnet for the network bridge: ${messageOf(error)}`, { cause: error });
  }
  room.log(`network bridge has the subnet ${formatPrefix(subnetsOf([record])[0]!)}`);
}

// `network inspect` and `network ls`: Docker's body for a network. Runs in the daemon. moby: daemon/network.go (buildNetworkResource)

import type { Filters } from '../../api/types.ts';
import { invalidArgument } from '../../base/errors.ts';
import { PREDEFINED } from './predefined.ts';
import type { NetworkRecord } from './record.ts';
import type { NetworkRoom } from './room.ts';

/** Containers are part of an inspect, and of no list. */
export function describe(room: NetworkRoom, record: NetworkRecord, { containers }: { containers: boolean }): object {
  return {
    Name: record.name,
    Id: record.id,
    Created: record.created,
    Scope: 'local',
    Driver: record.driver,
    EnableIPv4: record.driver === 'bridge' || record.driver === 'macvlan',
    EnableIPv6: record.ipv6,
    IPAM: { Driver: 'default', Options: record.ipamOptions, Config: record.ipam.length > 0 ? record.ipam : null },
    Internal: record.internal,
    Attachable: record.attachable,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: containers ? endpointsOf(room, record) : {},
    Options: record.options,
    Labels: record.labels,
  };
}

function endpointsOf(room: NetworkRoom, record: NetworkRecord): Record<string, object> {
  const found: Record<string, object> = {};
  for (const { endpoint, container } of room.store.endpoints(record)) {
    found[container] = {
      Name: room.containers.find(container)?.name ?? '',
      EndpointID: endpoint.id,
      MacAddress: endpoint.mac,
      IPv4Address: endpoint.ipv4,
      IPv6Address: endpoint.ipv6,
    };
  }
  // Containers that share the host's or no network are members of these, without addresses.
  if (record.driver === 'host' || record.driver === 'null') {
    for (const container of room.containers.all()) {
      if (!container.running || container.record.hostConfig.NetworkMode !== record.name) continue;
      found[container.id] = { Name: container.name, EndpointID: '', MacAddress: '', IPv4Address: '', IPv6Address: '' };
    }
  }
  return found;
}

const FILTERS = ['driver', 'type', 'name', 'id', 'label', 'scope', 'dangling'];

/** @throws invalidArgument for filters that Docker does not know */
export function list(room: NetworkRoom, filters: Filters): NetworkRecord[] {
  for (const name of Object.keys(filters)) {
    if (!FILTERS.includes(name)) throw invalidArgument(`invalid filter '${name}'`);
  }
  for (const type of filters.type ?? []) {
    if (type !== 'custom' && type !== 'builtin') throw invalidArgument(`invalid filter: 'type'='${type}'`);
  }
  const dangling = filters.dangling?.map((value) => {
    if (!/^(1|0|t|f|true|false)$/i.test(value)) throw invalidArgument(`invalid filter 'dangling=[${value}]'`);
    return /^(1|t|true)$/i.test(value);
  });
  return room.store.all().filter((record) => {
    const some = (name: string, matches: (value: string) => boolean) =>
      filters[name] === undefined || filters[name].some(matches);
    return (
      some('driver', (value) => record.driver === value) &&
      some('name', (value) => record.name.includes(value)) &&
      some('id', (value) => record.id.startsWith(value)) &&
      some('scope', (value) => value === 'local') &&
      some('type', (value) => PREDEFINED.includes(record.name) === (value === 'builtin')) &&
      (filters.label ?? []).every((label) => hasLabel(record, label)) &&
      (dangling === undefined || dangling.includes(!PREDEFINED.includes(record.name) && !isUsed(room, record)))
    );
  });
}

/** `key` or `key=value` */
export function hasLabel({ labels }: NetworkRecord, label: string): boolean {
  const mark = label.indexOf('=');
  if (mark < 0) return Object.hasOwn(labels, label);
  return labels[label.slice(0, mark)] === label.slice(mark + 1);
}

/** Whether a running container has an endpoint in it. */
export function isUsed(room: NetworkRoom, record: NetworkRecord): boolean {
  return room.store.endpoints(record).length > 0;
}

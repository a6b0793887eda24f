// What is known of one network, on disk as network/<id>.json, and of a container's end of it while it runs, which is part of
// the container's state. Types, and reading and writing. Runs in the daemon. moby: libnetwork/network.go, endpoint.go

import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, writeJsonAtomic } from '../../base/atomic-file.ts';

export interface IpamConfig {
  Subnet: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

export interface NetworkRecord {
  /** 64 hex digits */
  id: string;
  name: string;
  /** RFC 3339 */
  created: string;
  driver: 'bridge' | 'macvlan' | 'host' | 'null';
  /** no way outside */
  internal: boolean;
  attachable: boolean;
  ipv6: boolean;
  labels: Record<string, string>;
  options: Record<string, string>;
  ipamOptions: Record<string, string> | null;
  /** complete: every subnet has its gateway */
  ipam: IpamConfig[];
  /** the client named a subnet, so containers may name their address */
  userSubnet: boolean;
}

/** A container's end of a network. */
export interface Endpoint {
  networkId: string;
  /** 64 hex digits */
  id: string;
  /** in the container: eth0 */
  device: string;
  /** in the rootless namespace, on the bridge; empty for a macvlan */
  port: string;
  mac: string;
  /** `172.17.0.2/16`, or empty */
  ipv4: string;
  ipv6: string;
  gateway: string;
  gateway6: string;
}

export interface PortBinding {
  HostIp: string;
  HostPort: string;
}

/** What a running container has of networks; part of state.json. */
export interface NetworkState {
  sandboxId: string;
  /** by name of the network, in the order of their devices */
  endpoints: Record<string, Endpoint>;
  /** `80/tcp` → where it is published; null: only exposed */
  ports: Record<string, PortBinding[] | null>;
}

/** A client's wishes for an endpoint: EndpointSettings of the Engine API, as far as it is an input. */
export interface EndpointWish {
  IPAMConfig?: { IPv4Address?: string; IPv6Address?: string; LinkLocalIPs?: string[] } | null;
  Links?: string[] | null;
  Aliases?: string[] | null;
  MacAddress?: string;
  DriverOpts?: Record<string, string> | null;
  GwPriority?: number;
}

const FILE = /^([0-9a-f]{64})\.json$/;

/** @throws the errno of write(2) */
export function writeNetwork(directory: string, record: NetworkRecord): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeJsonAtomic(join(directory, `${record.id}.json`), record);
}

export function deleteNetwork(directory: string, id: string): void {
  rmSync(join(directory, `${id}.json`), { force: true });
}

/** All networks on disk. @throws internal, naming the file, when one is corrupt */
export function readNetworks(directory: string): NetworkRecord[] {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return readdirSync(directory)
    .filter((name) => FILE.test(name))
    .map((name) => readJson<NetworkRecord>(join(directory, name))!);
}

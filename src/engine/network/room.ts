// What the verbs of networks share: records, the devices in the kernel, made when first needed, and the containers.
// Runs in the daemon, main thread.

import { readFileSync } from 'node:fs';
import { errnoOf, messageOf } from '../../base/errors.ts';
import { parsePrefix, prefixOf, type Prefix } from '../../network/address.ts';
import type { DnsServer } from '../../network/dns-server.ts';
import { Forwarder } from '../../network/forwarder.ts';
import { endUplink, ensureUplink, MTU } from '../../network/uplink.ts';
import { RootlessNetwork, type Bridge } from '../../network/rootless-network.ts';
import { parseAddress } from '../../network/address.ts';
import type { Container } from '../container/container.ts';
import type { ContainerStore } from '../container/store.ts';
import type { EventBus } from '../events.ts';
import { OPTION } from './predefined.ts';
import type { NetworkRecord } from './record.ts';
import { NetworkStore } from './store.ts';

export interface NetworkRoomOptions {
  /** holds a file per network */
  directory: string;
  /** the room's directory below the runtime directory */
  run: string;
  containers: ContainerStore;
  events: EventBus;
  /** programs that make the uplink, the best first */
  uplinkPrograms: string[];
  /** path of punnet-shim */
  shimProgram: string;
  log(line: string): void;
}

export class NetworkRoom {
  readonly store = new NetworkStore();
  /** by id of the container */
  readonly nameServers = new Map<string, DnsServer>();
  readonly directory: string;
  readonly containers: ContainerStore;
  readonly log: (line: string) => void;
  readonly #options: NetworkRoomOptions;
  #forwarder: Forwarder | undefined;
  #starting: Promise<Forwarder> | undefined;
  #network: Promise<RootlessNetwork> | undefined;
  #uplink: Promise<string | undefined> | undefined;

  constructor(options: NetworkRoomOptions) {
    this.#options = options;
    this.directory = options.directory;
    this.containers = options.containers;
    this.log = options.log;
  }

  /** The devices: found, or made by the first call. @throws internal naming the step */
  network(): Promise<RootlessNetwork> {
    this.#network ??= RootlessNetwork.open(this.#options.run);
    this.#network.catch(() => (this.#network = undefined));
    return this.#network;
  }

  /** As `network`, but makes none: undefined when nothing has needed the devices yet. */
  opened(): Promise<RootlessNetwork> | undefined {
    return this.#network;
  }

  /** The devices that an earlier daemon left, or undefined. */
  findNetwork(): RootlessNetwork | undefined {
    const found = RootlessNetwork.find(this.#options.run);
    if (found) this.#network = Promise.resolve(found);
    return found;
  }

  /** Resolves when the outside can be reached: to undefined, or why it cannot. Started by the first call. */
  uplink(): Promise<string | undefined> {
    this.#uplink ??= this.network().then(async () => {
      const { run, uplinkPrograms } = this.#options;
      const reason = await ensureUplink({ directory: run, programs: uplinkPrograms });
      if (reason !== undefined) this.log(`networks have no way outside: ${reason}`);
      return reason;
    });
    return this.#uplink;
  }

  /** Carries published ports: found, or started by the first call. */
  async forwarder(): Promise<Forwarder> {
    const found = this.findForwarder();
    if (found) return found;
    this.#starting ??= this.#startForwarder().finally(() => (this.#starting = undefined));
    return this.#starting;
  }

  async #startForwarder(): Promise<Forwarder> {
    await this.network();
    return this.#follow(await Forwarder.start(this.#options.run, this.#options.shimProgram));
  }

  #follow(forwarder: Forwarder): Forwarder {
    this.#forwarder = forwarder;
    void forwarder.gone.then(() => {
      if (this.#forwarder === forwarder) this.#forwarder = undefined;
      this.forwarderEnded();
    });
    return forwarder;
  }

  /** The forwarder, if one lives. */
  findForwarder(): Forwarder | undefined {
    if (this.#forwarder?.answers()) return this.#forwarder;
    this.#forwarder = undefined;
    const found = Forwarder.find(this.#options.run);
    return found && this.#follow(found);
  }

  /** Called when the forwarder has ended by itself: its ports are closed. */
  forwarderEnded: () => void = () => {};

  /** Ends what would keep the namespaces alive: for a daemon that ends with no container running. */
  end(): void {
    this.forwarderEnded = () => {};
    endUplink(this.#options.run);
    this.findForwarder()?.quit();
  }

  /** A container of bridge networks is about to start: the uplink is on its way. Returns what it is warned of. */
  prepare(): string[] {
    // Whoever needs it waits for it, and hears of failures.
    void this.uplink().catch(() => {});
    if (this.#options.uplinkPrograms.length > 0) return [];
    return ['Neither pasta nor slirp4netns is installed: containers cannot reach the outside (apt-get install passt).'];
  }

  /** Tells whoever follows a container's networks that it has others now: its /etc/hosts. */
  changed: (container: Container) => void = () => {};

  publish(action: string, record: NetworkRecord, attributes: Record<string, string> = {}): void {
    const type = { name: record.name, type: record.driver };
    this.#options.events.publish('network', action, { ID: record.id, Attributes: { ...type, ...attributes } });
  }
}

/** The bridge's device, as the kernel has it. */
export function bridgeName(record: NetworkRecord): string {
  return record.options[OPTION.name] || `br-${record.id.slice(0, 12)}`;
}

/** An option that was switched off; Go's strconv.ParseBool. */
export function isFalse(value: string | undefined): boolean {
  return /^(0|f|false)$/i.test(value ?? '');
}

export function mtuOf(record: NetworkRecord): number {
  return Number(record.options[OPTION.mtu] || MTU);
}

/** A network's bridge as data. */
export function bridgeOf(record: NetworkRecord): Bridge {
  return {
    name: bridgeName(record),
    addresses: record.ipam.map(({ Subnet, Gateway }) => ({
      address: parseAddress(Gateway!)!,
      length: parsePrefix(Subnet)!.length,
    })),
    mtu: mtuOf(record),
    ipv6: record.ipv6,
    // Outside, nobody knows a way back to the containers' own addresses, and without root none can be made.
    outgoing: !record.internal && !isFalse(record.options[OPTION.masquerade]),
  };
}

/** Where the host has routes to, other than everywhere: /proc/net/route and ipv6_route. proc_net(5) */
export function hostRoutes(): Prefix[] {
  return [...read('/proc/net/route').slice(1).flatMap(route4), ...read('/proc/net/ipv6_route').flatMap(route6)];
}

function read(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw new Error(`read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** In the machine's byte order: `000200C0` is 192.0.2.0. */
function route4(line: string): Prefix[] {
  const fields = line.split('\t');
  const number = (text = '0') => Buffer.from(text, 'hex').readUInt32LE();
  const length = (number(fields[7]).toString(2).match(/1/g) ?? []).length;
  return length === 0 ? [] : [prefixOf({ family: 4, value: BigInt(number(fields[1])) }, length)];
}

function route6(line: string): Prefix[] {
  const [destination = '', length = '0'] = line.split(/\s+/);
  const bits = parseInt(length, 16);
  // Routes to one address, and to link-local and multicast ones, are everywhere.
  if (bits === 0 || bits === 128 || /^f[ef]/.test(destination)) return [];
  return [prefixOf({ family: 6, value: BigInt(`0x${destination}`) }, bits)];
}

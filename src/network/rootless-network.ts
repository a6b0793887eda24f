// The devices of the rootless network namespace: bridges, their ports, and a container's end of them. Every change is one
// batch of messages to the kernel. Runs in the daemon, main thread; knows networks and endpoints only as data.
// veth(4), bridge(8), rtnetlink(7)

import { closeSync, openSync } from 'node:fs';
import type { Address, Prefix } from './address.ts';
import { prefixOf } from './address.ts';
import {
  allowOutgoing,
  allowPort,
  baseRules,
  forbidOutgoing,
  forgetPort,
  TRANSPARENT_MARK,
  type Port,
} from './firewall.ts';
import { findNamespace, makeNamespace } from './namespace.ts';
import { Netlink, NetlinkError, NETLINK_ROUTE, type Message } from './netlink.ts';
import * as nft from './nftables.ts';
import * as rt from './rtnetlink.ts';

/** The device by which the namespace reaches the outside. */
export const UPLINK = 'tap0';
const TRANSPARENT_TABLE = 100;

export interface InterfaceAddress {
  address: Address;
  /** of the subnet */
  length: number;
}

export interface Bridge {
  /** at most 15 bytes */
  name: string;
  /** the gateways of the network */
  addresses: InterfaceAddress[];
  mtu: number;
  ipv6: boolean;
  /** its containers may reach the outside */
  outgoing: boolean;
}

/** A container's end of a network, as the kernel gets it. */
export interface Plug {
  /** the device in the container; what is there already keeps its name: `eth0`, `eth1`… */
  name: string;
  mac: string;
  addresses: InterfaceAddress[];
  /** default routes, at most one of each family */
  gateways: Address[];
  mtu: number;
  ipv6: boolean;
}

export interface BridgePlug extends Plug {
  bridge: string;
  /** the port's device in the rootless namespace */
  port: string;
  /** may not talk to other ports of the bridge */
  isolated: boolean;
}

export const MACVLAN_MODES = Object.keys(rt.MACVLAN_MODE);

export interface MacvlanPlug extends Plug {
  parent: string;
  mode: keyof typeof rt.MACVLAN_MODE;
}

export class RootlessNetwork {
  /** descriptor of the namespace */
  readonly netns: number;
  /** made by this daemon, not found */
  readonly fresh: boolean;
  readonly #route: Netlink;
  readonly #filter: Netlink;
  readonly #bridges = new Map<string, number>();

  private constructor(netns: number, fresh: boolean) {
    this.netns = netns;
    this.fresh = fresh;
    this.#route = new Netlink(netns, NETLINK_ROUTE);
    this.#filter = nft.openFilter(netns);
  }

  /** Finds the namespace, or makes it, with its rules. `directory`: the room's, below the runtime directory. */
  static async open(directory: string): Promise<RootlessNetwork> {
    const found = findNamespace(directory);
    const network = new RootlessNetwork(found ?? (await makeNamespace(directory)), found === undefined);
    if (found === undefined) {
      network.#route.send(waysBack());
      nft.commit(network.#filter, baseRules(UPLINK));
    }
    return network;
  }

  /** The namespace of an earlier daemon, or undefined. */
  static find(directory: string): RootlessNetwork | undefined {
    const found = findNamespace(directory);
    return found === undefined ? undefined : new RootlessNetwork(found, false);
  }

  /** Brings a found namespace to what the records say: rules anew, in one step; bridges of no network are deleted. */
  restore({ bridges, ports }: { bridges: Bridge[]; ports: Port[] }): void {
    const links = this.links();
    for (const { name, index } of links) {
      if (bridges.some((bridge) => bridge.name === name)) this.#bridges.set(name, index);
      else if (/^(br-|docker0$)/.test(name)) this.#route.send([rt.deleteLink(name)]);
    }
    const here = bridges.filter(({ name, outgoing }) => outgoing && this.#bridges.has(name));
    nft.commit(this.#filter, [
      ...nft.replaceTables(baseRules(UPLINK)),
      ...here.map(({ name }) => allowOutgoing(name)),
      ...ports.flatMap(allowPort),
    ]);
  }

  links(): rt.Link[] {
    return rt.linksOf(this.#route.send([rt.getLinks()]));
  }

  /** Makes a network's bridge unless it is there. @throws NetlinkError */
  addBridge(bridge: Bridge): void {
    if (this.#bridges.has(bridge.name)) return;
    this.#route.send([rt.addBridge(bridge)]);
    try {
      this.#route.send([rt.setUp(bridge.name, { ipv6: bridge.ipv6, announce: false })]);
      const index = this.#index(bridge.name);
      if (bridge.addresses.length > 0) this.#route.send(bridge.addresses.map((each) => rt.addAddress(index, each)));
      if (bridge.outgoing) nft.commit(this.#filter, [allowOutgoing(bridge.name)]);
      this.#bridges.set(bridge.name, index);
    } catch (error) {
      keepFirst(() => this.#route.send([rt.deleteLink(bridge.name)]));
      throw error;
    }
  }

  /** No error when there is none. */
  removeBridge({ name, outgoing }: Pick<Bridge, 'name' | 'outgoing'>): void {
    if (!this.#bridges.delete(name)) return;
    this.#route.send([rt.deleteLink(name)]);
    if (outgoing) nft.commit(this.#filter, [forbidOutgoing(name)]);
  }

  /** Joins a container to a bridge. `netns`: descriptor of its namespace. Undone by itself where it fails. */
  plugBridge(plug: BridgePlug, netns: number): void {
    const master = this.#bridges.get(plug.bridge);
    if (master === undefined) throw new Error(`bridge ${plug.bridge} is not there`);
    const { port: name, mtu } = plug;
    nft.commit(this.#filter, allowPort(portOf(plug)));
    try {
      this.#route.send([
        rt.addVeth({ name, mtu, master, peer: { name: plug.name, mac: plug.mac, mtu, netns } }),
        rt.setUp(name, { ipv6: false, announce: false }),
      ]);
      if (plug.isolated) this.#route.send([rt.setIsolated(this.#index(name), true)]);
      configure(plug, netns);
    } catch (error) {
      keepFirst(() => this.unplugBridge(plug));
      throw error;
    }
  }

  /** Takes a container from a bridge; its device may have gone with the container's namespace. */
  unplugBridge(plug: Pick<BridgePlug, 'port' | 'mac' | 'addresses'>): void {
    this.#ignoring('ENODEV', [rt.deleteLink(plug.port)]);
    this.forgetPort(plug);
  }

  /** As unplugBridge, for a container whose namespace has ended: the kernel deletes the devices itself. */
  forgetPort(plug: Pick<BridgePlug, 'port' | 'mac' | 'addresses'>): void {
    try {
      nft.commit(this.#filter, forgetPort(portOf(plug)));
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.code !== 'ENOENT') throw error;
    }
  }

  /** Gives a container a macvlan device on an interface of the rootless namespace; none where it fails. @throws NetlinkError */
  plugMacvlan(plug: MacvlanPlug, netns: number): void {
    const link = this.#index(plug.parent);
    this.#route.send([rt.addMacvlan({ ...plug, link, netns })]);
    try {
      configure(plug, netns);
    } catch (error) {
      keepFirst(() => removeFromContainer(plug.name, netns));
      throw error;
    }
  }

  close(): void {
    this.#route.close();
    this.#filter.close();
    closeSync(this.netns);
  }

  #index(name: string): number {
    const [link] = rt.linksOf(this.#route.send([rt.getLink(name)]));
    if (!link) throw new Error(`link ${name} is not there`);
    return link.index;
  }

  #ignoring(code: string, messages: Message[]): void {
    try {
      this.#route.send(messages);
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.code !== code) throw error;
    }
  }
}

/** Takes back what a failure has left half-made: the failure is what counts, not whether that succeeds. */
function keepFirst(undo: () => void): void {
  try {
    undo();
  } catch {
    // The kernel deletes the rest with the namespace of the container, restore() with the next start of the daemon.
  }
}

const portOf = (plug: Pick<BridgePlug, 'port' | 'mac' | 'addresses'>): Port => ({
  name: plug.port,
  mac: plug.mac,
  addresses: plug.addresses.map(({ address }) => address),
});

/** In the container: addresses, up, routes. */
function configure(plug: Plug, netns: number): void {
  const route = new Netlink(netns, NETLINK_ROUTE);
  try {
    const [link] = rt.linksOf(route.send([rt.getLink(plug.name)]));
    const index = link!.index;
    route.send([
      ...plug.addresses.map((each) => rt.addAddress(index, each)),
      // Its neighbours hear of it, since another container may have had its address.
      rt.setUp(plug.name, { ipv6: plug.ipv6, announce: true }),
      ...plug.gateways.map(rt.addDefaultRoute),
    ]);
  } finally {
    route.close();
  }
}

/** Takes the device `name` out of a container. No error when it is not there. */
export function removeFromContainer(name: string, netns: number): void {
  const route = new Netlink(netns, NETLINK_ROUTE);
  try {
    route.send([rt.deleteLink(name)]);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== 'ENODEV') throw error;
  } finally {
    route.close();
  }
}

/** The default routes of a container are now these. */
export function setDefaultRoutes(gateways: Address[], netns: number): void {
  const route = new Netlink(netns, NETLINK_ROUTE);
  try {
    route.send(gateways.map(rt.replaceDefaultRoute));
  } finally {
    route.close();
  }
}

/** The network namespace of a process. The caller closes it. */
export function namespaceOf(pid: number): number {
  return openSync(`/proc/${pid}/ns/net`, 'r');
}

/** Packets to the forwarder's transparent sockets are for this host, whatever address they carry. */
function waysBack(): Message[] {
  const everything: Prefix[] = [prefixOf({ family: 4, value: 0n }, 0), prefixOf({ family: 6, value: 0n }, 0)];
  return everything.flatMap((prefix) => [
    rt.addMarkRule(prefix.family, { mark: TRANSPARENT_MARK, table: TRANSPARENT_TABLE }),
    // The loopback device is the first of every namespace.
    rt.addLocalRoute(prefix, { table: TRANSPARENT_TABLE, loopback: 1 }),
  ]);
}

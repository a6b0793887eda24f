// What inspect and list say of a container's networks. Pure. Runs in the daemon. moby: daemon/inspect.go, daemon/container/view.go

import type { EndpointWish, NetworkState } from '../network/record.ts';
import type { NetworkStore } from '../network/store.ts';
import type { Container } from './container.ts';

/** Every network that the container is connected to, with its addresses while it runs. */
export function endpoints(store: NetworkStore, container: Container): Record<string, object> {
  const { record, state } = container;
  const view: Record<string, object> = {};
  for (const [name, wish] of Object.entries(record.endpoints) as [string, EndpointWish | null][]) {
    const endpoint = state.network?.endpoints[name];
    const [ipv4 = '', prefix4 = '0'] = (endpoint?.ipv4 ?? '').split('/');
    const [ipv6 = '', prefix6 = '0'] = (endpoint?.ipv6 ?? '').split('/');
    view[name] = {
      IPAMConfig: wish?.IPAMConfig ?? null,
      Links: wish?.Links ?? null,
      Aliases: wish?.Aliases ?? null,
      MacAddress: endpoint?.mac ?? '',
      DriverOpts: wish?.DriverOpts ?? null,
      GwPriority: wish?.GwPriority ?? 0,
      NetworkID: endpoint?.networkId ?? store.byName(name)?.id ?? '',
      EndpointID: endpoint?.id ?? '',
      Gateway: endpoint?.gateway ?? '',
      IPAddress: ipv4,
      IPPrefixLen: ipv4 === '' ? 0 : Number(prefix4),
      IPv6Gateway: endpoint?.gateway6 ?? '',
      GlobalIPv6Address: ipv6,
      GlobalIPv6PrefixLen: ipv6 === '' ? 0 : Number(prefix6),
      DNSNames: store.byName(name)?.driver === 'bridge' && name !== 'bridge' ? dnsNames(container, wish) : null,
    };
  }
  return view;
}

/** The names under which other containers of a user-defined network find this one. */
export function dnsNames(container: Container, wish: EndpointWish | null | undefined): string[] {
  const { record } = container;
  const names = [record.name, ...(wish?.Aliases ?? []), record.id.slice(0, 12), record.config.Hostname ?? ''];
  return [...new Set(names.filter((name) => name !== ''))];
}

/** The fields of NetworkSettings beside `Networks`; those of one endpoint are the default bridge's. */
export function networkSettings(container: Container): object {
  const { network } = container.state;
  const endpoint = network?.endpoints.bridge;
  const [ipv4 = '', prefix4 = '0'] = (endpoint?.ipv4 ?? '').split('/');
  return {
    Bridge: '',
    SandboxID: network?.sandboxId ?? '',
    SandboxKey: network ? `/proc/${container.state.pid}/ns/net` : '',
    Ports: portMap(container),
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: endpoint?.id ?? '',
    Gateway: endpoint?.gateway ?? '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPAddress: ipv4,
    IPPrefixLen: ipv4 === '' ? 0 : Number(prefix4),
    IPv6Gateway: '',
    MacAddress: endpoint?.mac ?? '',
  };
}

/** `80/tcp` → where it is published; null when it is only exposed. Empty while the container does not run. */
export function portMap(container: Container): NetworkState['ports'] {
  return container.running ? (container.state.network?.ports ?? {}) : {};
}

/** The same as `ps` lists it. */
export function portList(container: Container): object[] {
  return Object.entries(portMap(container)).flatMap(([port, bindings]) => {
    const [number, type] = port.split('/');
    const inside = { PrivatePort: Number(number), Type: type };
    if (!bindings || bindings.length === 0) return [inside];
    return bindings.map(({ HostIp, HostPort }) => ({ IP: HostIp, ...inside, PublicPort: Number(HostPort) }));
  });
}

// What inspect and list say of a container's network. Pure. Runs in the daemon.

import type { Container } from './container.ts';

/** The one endpoint that a container has as long as networks are `none` and `host`: a name without addresses. */
export function endpoints(container: Container): Record<string, object> {
  const mode = container.record.hostConfig.NetworkMode ?? 'bridge';
  return {
    [mode]: {
      IPAMConfig: null,
      Links: null,
      Aliases: null,
      MacAddress: '',
      DriverOpts: null,
      GwPriority: 0,
      NetworkID: '',
      EndpointID: '',
      Gateway: '',
      IPAddress: '',
      IPPrefixLen: 0,
      IPv6Gateway: '',
      GlobalIPv6Address: '',
      GlobalIPv6PrefixLen: 0,
      DNSNames: null,
    },
  };
}

/** Exposed ports of a running container, none of them published. */
export function exposedPorts(container: Container): string[] {
  if (container.state.status !== 'running' || container.record.hostConfig.NetworkMode === 'host') return [];
  return Object.keys(container.record.config.ExposedPorts ?? {}).map((port) =>
    port.includes('/') ? port : `${port}/tcp`,
  );
}

// The three networks that are always there: bridge, host and none, made once so that their ids last. Runs in the daemon.
// moby: daemon/daemon_unix.go (initBridgeDriver)

import { nowNanoseconds, rfc3339 } from '../clock.ts';
import { newId } from './new-id.ts';
import type { NetworkRecord } from './record.ts';

export const PREDEFINED = ['bridge', 'host', 'none'];

/** Options of the bridge driver, as Docker spells them. */
export const OPTION = {
  name: 'com.docker.network.bridge.name',
  icc: 'com.docker.network.bridge.enable_icc',
  masquerade: 'com.docker.network.bridge.enable_ip_masquerade',
  hostAddress: 'com.docker.network.bridge.host_binding_ipv4',
  mtu: 'com.docker.network.driver.mtu',
  defaultBridge: 'com.docker.network.bridge.default_bridge',
  inhibitIPv4: 'com.docker.network.bridge.inhibit_ipv4',
  gatewayMode4: 'com.docker.network.bridge.gateway_mode_ipv4',
  gatewayMode6: 'com.docker.network.bridge.gateway_mode_ipv6',
  prefix: 'com.docker.network.container_iface_prefix',
} as const;

/** The ones of `PREDEFINED` that are not among `names`; the bridge without its subnet. */
export function missingPredefined(names: string[], mtu: number): NetworkRecord[] {
  const common = {
    created: rfc3339(nowNanoseconds()),
    internal: false,
    attachable: false,
    ipv6: false,
    labels: {},
    options: {},
    ipamOptions: null,
    ipam: [],
    userSubnet: false,
  };
  const all: NetworkRecord[] = [
    {
      ...common,
      id: newId(),
      name: 'bridge',
      driver: 'bridge',
      options: {
        [OPTION.defaultBridge]: 'true',
        [OPTION.icc]: 'true',
        [OPTION.masquerade]: 'true',
        [OPTION.hostAddress]: '0.0.0.0',
        [OPTION.name]: 'docker0',
        [OPTION.mtu]: String(mtu),
      },
    },
    { ...common, id: newId(), name: 'host', driver: 'host' },
    { ...common, id: newId(), name: 'none', driver: 'null' },
  ];
  return all.filter(({ name }) => !names.includes(name));
}

// spec.linux.netDevices → ops: a device of the host's network is given to the container's, under a name of its own, with the
// addresses that it had, and up. runtime-spec config-linux.md#network-devices, rtnetlink(7)

import { invalidArgument } from '../../base/errors.ts';
import type { Spec } from '../../base/oci-runtime.ts';
import type { Op } from '../../native/ops.ts';
import { hasOwn } from './namespaces.ts';

/** Addresses of global scope by device. */
export type DeviceAddresses = Readonly<Record<string, readonly { bytes: Uint8Array; prefix: number }[]>>;

/** The parent's before the child goes on, and the child's when it is in its network namespace. */
export function netDeviceOps(spec: Spec, addresses: DeviceAddresses = {}): { parent: Op[]; child: Op[] } {
  const ops: { parent: Op[]; child: Op[] } = { parent: [], child: [] };
  const devices = Object.entries(spec.linux?.netDevices ?? {});
  if (devices.length > 0 && !hasOwn(spec, 'network')) {
    throw invalidArgument('unable to move network devices without a private NET namespace');
  }
  const names = new Set<string>();
  for (const [name, device] of devices) {
    const as = device?.name || name;
    checkName(name);
    checkName(as);
    if (names.has(as)) throw invalidArgument(`linux.netDevices: two devices would be called ${JSON.stringify(as)}`);
    names.add(as);
    ops.parent.push({ who: 'parent', op: 'move_link', name, as });
    for (const { bytes, prefix } of addresses[name] ?? []) {
      ops.child.push({ who: 'child', op: 'add_address', name: as, address: bytes, prefix });
    }
    ops.child.push({ who: 'child', op: 'link_up', name: as });
  }
  return ops;
}

/* As the kernel's dev_valid_name has it. */
function checkName(name: string): void {
  if (name !== '' && name.length < 16 && name !== '.' && name !== '..' && !/[/:\s]/.test(name)) return;
  throw invalidArgument(`invalid network device name ${JSON.stringify(name)}`);
}

// What the compiler must know of the host that a config.json does not say. Runs in punnet-runc, which sees the host's paths as
// the container's init will, with the bundle as its working directory. user_namespaces(7), proc(5)

import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { errnoOf } from '../base/errors.ts';
import type { Spec } from '../base/oci-runtime.ts';
import { bindFiles } from './bind-files.ts';
import type { CompileOptions } from './compile.ts';
import type { DeviceAddresses } from './compile/net-devices.ts';
import { parseIdMap } from './host-facts.ts';
import { mountPointOf } from './mount-point-of.ts';

type HostOptions = Pick<CompileOptions, 'files' | 'initialUserns' | 'rootfsParent' | 'lsm' | 'addresses'>;

/** @param rootfs absolute, without links */
export function hostOptions(spec: Spec, rootfs: string): HostOptions {
  const shared = /^r?shared$/.test(spec.linux?.rootfsPropagation ?? '');
  return {
    files: bindFiles(spec),
    initialUserns: inInitialUserns(readFileSync('/proc/self/uid_map', 'utf8')),
    lsm: {
      apparmor: readIfThere('/sys/module/apparmor/parameters/enabled').startsWith('Y'),
      // Mounted where SELinux is enabled, and nowhere else. selinux(8)
      selinux: existsSync('/sys/fs/selinux/enforce'),
    },
    ...(spec.linux?.netDevices ? { addresses: globalAddresses() } : {}),
    ...(shared ? { rootfsParent: mountPointOf(readFileSync('/proc/self/mountinfo', 'utf8'), rootfs) } : {}),
  };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}

/* What the kernel takes from a device that goes to another namespace, but for what it makes itself (fe80::). */
function globalAddresses(): DeviceAddresses {
  const all: Record<string, { bytes: Uint8Array; prefix: number }[]> = {};
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    all[name] = addresses
      .filter(({ address }) => !address.startsWith('fe80:'))
      .map(({ address, cidr }) => ({ bytes: addressBytes(address), prefix: Number(cidr?.split('/')[1]) }));
  }
  return all;
}

/** `10.0.0.1` → 4 bytes, `fd00::1` → 16, in the order of the network. */
export function addressBytes(text: string): Uint8Array {
  if (!text.includes(':')) return Uint8Array.from(text.split('.').map(Number));
  const [head = '', tail] = text.split('::');
  const groups = (part: string | undefined) => (part ? part.split(':').map((group) => parseInt(group, 16)) : []);
  const [before, after] = [groups(head), groups(tail)];
  const all = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

/** Whether this uid_map is that of the host's own user namespace, where a process may make device files. */
export function inInitialUserns(uidMap: string): boolean {
  const [line, ...others] = parseIdMap(uidMap);
  return others.length === 0 && line?.containerID === 0 && line.hostID === 0 && line.size === 0xffff_ffff;
}

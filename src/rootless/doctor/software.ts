// Checks of versions: Node, kernel, the native part. Runs in the launcher, outside the namespaces, as the user.

import { messageOf } from '../../base/errors.ts';
import { sysctl, type Check, type Host } from './check.ts';

/** Node 20 is the oldest that punnet is tested with. */
export function node(host: Host): Check {
  const major = Number.parseInt(host.node, 10);
  if (major >= 20) return { name: 'node', status: 'ok', detail: `Node ${host.node}` };
  return {
    name: 'node',
    status: 'fail',
    detail: `Node ${host.node} is too old: punnet needs 20 or newer`,
    fix: 'curl -fsSL https://deb.nodesource.com/setup_22.x | sudo bash - && sudo apt-get install -y nodejs',
  };
}

/** Linux 5.12: mount_setattr, for every read-only path; overlay mounts in user namespaces are one older, openat2 and clone3 more. */
export function kernel(host: Host): Check {
  const [major = 0, minor = 0] = host.kernel.split('.').map((part) => Number.parseInt(part, 10));
  if (major > 5 || (major === 5 && minor >= 12)) {
    return { name: 'kernel', status: 'ok', detail: `Linux ${host.kernel}` };
  }
  return {
    name: 'kernel',
    status: 'fail',
    detail: `Linux ${host.kernel} is too old: read-only mounts (mount_setattr) need 5.12, overlay in a user namespace 5.11`,
    fix: 'upgrade the kernel; on Debian 11: sudo apt-get install -y -t bullseye-backports linux-image-amd64',
  };
}

/** Loads the addon, as the daemon will. */
export async function native(): Promise<Check> {
  try {
    const { nativeDirectory } = await import('../../native/addon.ts');
    return { name: 'native-part', status: 'ok', detail: `loaded from ${nativeDirectory()}` };
  } catch (error) {
    return {
      name: 'native-part',
      status: 'fail',
      detail: messageOf(error),
      fix: 'bin/setup, in the checkout (npm run build:native builds this part alone)',
    };
  }
}

/** The kernel may be built without filters. seccomp(2), /proc/sys/kernel/seccomp/actions_avail */
export function seccomp(host: Host): Check {
  const actions = sysctl(host, 'kernel.seccomp.actions_avail');
  if (actions?.includes('errno')) return { name: 'seccomp', status: 'ok', detail: 'filters are available' };
  return {
    name: 'seccomp',
    status: 'fail',
    detail: 'this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER)',
    breaks: 'every container but those with --security-opt seccomp=unconfined',
    fix: "boot the distribution's own kernel",
  };
}

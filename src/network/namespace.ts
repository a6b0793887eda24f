// The rootless network namespace: made once for the daemon's user namespace, kept by a bind mount of its file in the daemon's
// mount namespace, so that it needs no process and the next daemon finds it. Runs in the daemon, main thread.
// network_namespaces(7), mount_namespaces(7)

import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import { mount } from '../native/addon.ts';
import { CLONE_NEWNET, MS_BIND } from '../native/constants.ts';
import type { Op } from '../native/ops.ts';
import { walk } from '../native/walk.ts';
import { Netlink, NETLINK_ROUTE } from './netlink.ts';

/** Where the namespace is mounted, in the room's runtime directory. */
export const namespacePath = (directory: string): string => join(directory, 'namespace');

const set = (path: string, data: string): Op => ({ who: 'child', op: 'write_file', path, data, except: ['ENOENT'] });

/** It routes between its bridges and the uplink; frames within a bridge are not its business, whatever the host says. */
const OPS: Op[] = [
  { who: 'parent', op: 'clone3', flags: CLONE_NEWNET },
  { who: 'child', op: 'link_up', name: 'lo' },
  set('/proc/sys/net/ipv4/ip_forward', '1'),
  set('/proc/sys/net/ipv6/conf/all/forwarding', '1'),
  // The forwarder connects from clients' own ports, which they may use again at once.
  set('/proc/sys/net/ipv4/tcp_tw_reuse', '1'),
  ...['iptables', 'ip6tables', 'arptables'].map((name) => set(`/proc/sys/net/bridge/bridge-nf-call-${name}`, '0')),
  { who: 'child', op: 'await' },
  { who: 'child', op: 'pause' },
];

/** A descriptor of the namespace that an earlier daemon made; undefined when there is none. */
export function findNamespace(directory: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(namespacePath(directory), 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    new Netlink(fd, NETLINK_ROUTE).close();
    return fd;
  } catch (error) {
    closeSync(fd);
    // EINVAL: the plain file, on which the namespace of an environment that has ended was mounted
    if (errnoOf(error) === 'EINVAL') return undefined;
    throw error;
  }
}

/** Makes the namespace and returns a descriptor of it. @throws internal naming the op, or the errno of mount(2) */
export async function makeNamespace(directory: string): Promise<number> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = namespacePath(directory);
  closeSync(openSync(path, 'a', 0o600));
  const child = walk({ ops: OPS });
  try {
    mount(`/proc/${child.pid}/ns/net`, path, null, MS_BIND, null);
  } finally {
    child.kill(9);
    await child.wait();
  }
  return openSync(path, 'r');
}

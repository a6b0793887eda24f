// Checks of what the network and the login session allow. Runs in the launcher, outside the namespaces, as the user.
// icmp(7) ping_group_range, ip(7) ip_unprivileged_port_start, loginctl(1) enable-linger

import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../base/errors.ts';
import { findInPath } from '../find-in-path.ts';
import { sysctl, sysctlFix, type Check, type Host } from './check.ts';

/** Container networks reach the outside through a tap device. */
export function tun(host: Host): Check {
  const name = 'tun';
  const path = join(host.root, '/dev/net/tun');
  const breaks = 'networks that reach outside; --network none and host work';
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return { name, status: 'ok', detail: '/dev/net/tun can be opened' };
  } catch (error) {
    const missing = errnoOf(error) === 'ENOENT';
    return {
      name,
      status: 'warn',
      detail: `/dev/net/tun: ${errnoOf(error)}`,
      breaks,
      fix: missing
        ? 'sudo modprobe tun (in a container: start it with --device /dev/net/tun)'
        : 'sudo chmod 666 /dev/net/tun',
    };
  }
}

/** The program that joins a container network to the host's. */
export function uplink(host: Host): Check {
  const name = 'uplink';
  const found = ['pasta', 'slirp4netns'].map((program) => findInPath(program, host.env.PATH)).find(Boolean);
  if (found) return { name, status: 'ok', detail: found };
  return {
    name,
    status: 'warn',
    detail: 'neither pasta nor slirp4netns is in PATH',
    breaks: 'networks that reach outside; --network none and host work',
    fix: 'sudo apt-get install -y passt',
  };
}

/** Unprivileged echo sockets are for these groups only. */
export function ping(host: Host): Check {
  const name = 'ping';
  const range = sysctl(host, 'net.ipv4.ping_group_range') ?? '1\t0';
  const [first = 1, last = 0] = range.split(/\s+/).map(Number);
  if (host.account.gid >= first && host.account.gid <= last) {
    return { name, status: 'ok', detail: `ping_group_range ${first}…${last} includes group ${host.account.gid}` };
  }
  return {
    name,
    status: 'warn',
    detail: `net.ipv4.ping_group_range = ${first} ${last} leaves out group ${host.account.gid}`,
    breaks: 'ping to hosts outside, and on --network host without --cap-add NET_RAW; between containers it works',
    fix: sysctlFix('net.ipv4.ping_group_range', '0 2147483647'),
  };
}

/** Published ports are bound by the daemon, which is nobody special in the host's network namespace. */
export function ports(host: Host): Check {
  const name = 'low-ports';
  const first = Number(sysctl(host, 'net.ipv4.ip_unprivileged_port_start') ?? 1024);
  if (first <= 80) return { name, status: 'ok', detail: `ports from ${first} on can be bound` };
  return {
    name,
    status: 'warn',
    detail: `net.ipv4.ip_unprivileged_port_start = ${first}`,
    breaks: `ports below ${first} on --network host, and publishing them`,
    fix: sysctlFix('net.ipv4.ip_unprivileged_port_start', '80'),
  };
}

/** systemd ends a user's processes with the last session unless the user lingers. */
export function linger(host: Host): Check {
  const name = 'linger';
  const { account, root } = host;
  if (account.asRoot) return { name, status: 'ok', detail: 'not needed by root' };
  if (!existsSync(join(root, 'run/systemd/system')))
    return { name, status: 'ok', detail: 'no systemd that ends sessions' };
  const who = account.name ?? String(account.uid);
  if (existsSync(join(root, 'var/lib/systemd/linger', who))) return { name, status: 'ok', detail: `${who} lingers` };
  return {
    name,
    status: 'warn',
    detail: `${who} does not linger`,
    breaks: 'containers outliving your last log-out',
    fix: `sudo loginctl enable-linger ${who}`,
  };
}

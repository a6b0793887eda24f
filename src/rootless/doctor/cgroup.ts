// Check of control groups: whether limits can be applied, which not, and the exact change that delegates them. Runs in the
// launcher, outside the namespaces, as the user. cgroups(7), systemd's "Control Group APIs and Delegation"

import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { read, type Check, type Host } from './check.ts';

/** Controller → the options of `run` that need it. */
const OPTIONS: Record<string, string> = {
  memory: '--memory',
  pids: '--pids-limit',
  cpu: '--cpus and --cpu-shares',
  cpuset: '--cpuset-cpus',
  io: '--blkio-weight and --device-read-bps',
};
const WANTED = Object.keys(OPTIONS);

/** Reads what is mounted and what of it is ours. */
export function cgroups(host: Host): Check {
  const name = 'cgroups';
  const mounts = read(host, '/proc/self/mountinfo').split('\n');
  const unified = mounts.map((line) => /^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 /.exec(line)?.[1]).find(Boolean);
  const v1 = mounts.some((line) => / - cgroup /.test(line));
  if (!unified || v1) {
    return {
      name,
      status: 'warn',
      detail: unified ? 'hybrid: the controllers belong to cgroup v1' : 'cgroup v1 only',
      breaks: `limits, which are applied nowhere: ${Object.values(OPTIONS).join(', ')}`,
      fix: 'boot with the kernel parameter systemd.unified_cgroup_hierarchy=1',
    };
  }
  const own = delegated(host, unified);
  if (!own) {
    return {
      name,
      status: 'warn',
      detail: `cgroup v2, but no part of ${unified} is delegated to ${host.account.name ?? host.account.uid}`,
      breaks: `limits, which are applied nowhere: ${Object.values(OPTIONS).join(', ')}`,
      fix: existsSync(join(host.root, 'run/systemd/system'))
        ? `log in through systemd (ssh, a console; not su), then ${delegateFix()}`
        : `as root: mkdir ${unified}/punnet && chown -R ${host.account.uid} ${unified}/punnet, and PUNNET_CGROUP=${unified}/punnet`,
    };
  }
  const has = read(host, join(own, 'cgroup.controllers')).trim().split(/\s+/);
  const missing = WANTED.filter((controller) => !has.includes(controller));
  if (missing.length === 0) return { name, status: 'ok', detail: `cgroup v2, all controllers, in ${own}` };
  return {
    name,
    status: 'warn',
    detail: `cgroup v2 in ${own}, without the controllers ${missing.join(', ')}`,
    breaks: missing.map((controller) => OPTIONS[controller]).join(', '),
    fix: delegateFix(),
  };
}

/** The topmost cgroup that the user may write to, on the way to the one that this process is in. */
function delegated(host: Host, unified: string): string | undefined {
  if (host.env.PUNNET_CGROUP) return host.env.PUNNET_CGROUP;
  if (host.account.asRoot) return unified;
  const { uid } = host.account;
  const mine = /^0::(\/.*)$/m.exec(read(host, '/proc/self/cgroup'))?.[1] ?? '/';
  const places = [
    join(unified, `user.slice/user-${uid}.slice/user@${uid}.service`),
    ...mine.split('/').map((_, index, parts) => join(unified, ...parts.slice(0, index + 1))),
  ];
  return places.find((place) => {
    try {
      accessSync(join(host.root, place, 'cgroup.procs'), constants.W_OK);
      return true;
    } catch {
      return false; // not ours, or not there
    }
  });
}

function delegateFix(): string {
  return (
    "sudo mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' | " +
    'sudo tee /etc/systemd/system/user@.service.d/delegate.conf && sudo systemctl daemon-reload, then log in again'
  );
}

// Checks of what an unprivileged environment rests on: user namespaces, subordinate ids and the two programs that write
// them. Runs in the launcher, outside the namespaces, as the user. user_namespaces(7), subuid(5), newuidmap(1)

import { statSync } from 'node:fs';
import { messageOf, type PunnetError } from '../../base/errors.ts';
import { subordinateIds } from '../account.ts';
import { findInPath } from '../find-in-path.ts';
import { sizeOf, mapOfUser, WANTED } from '../id-map.ts';
import { plannedRange } from '../root-range.ts';
import { read, sysctl, sysctlFix, type Check, type Host } from './check.ts';

/** Makes a user and a mount namespace for real; the sysctls say why it did not work. */
export async function userNamespaces(host: Host): Promise<Check> {
  const name = 'user-namespaces';
  const forbidden = forbiddenBySysctl(host);
  if (forbidden) return { name, status: 'fail', ...forbidden };
  const { probeUserNamespace } = await import('../probe.ts');
  const errno = await probeUserNamespace();
  if (!errno) return { name, status: 'ok', detail: 'can be made' };
  if (sysctl(host, 'kernel.apparmor_restrict_unprivileged_userns') === '1') {
    return {
      name,
      status: 'fail',
      detail: `AppArmor forbids them to programs without a profile (kernel.apparmor_restrict_unprivileged_userns = 1): ${errno}`,
      fix: [
        `printf '%s\\n' 'abi <abi/4.0>,' 'include <tunables/global>' 'profile punnet ${process.execPath} flags=(unconfined) { userns, }' | sudo tee /etc/apparmor.d/punnet && sudo apparmor_parser -r /etc/apparmor.d/punnet`,
        `or, for every program: ${sysctlFix('kernel.apparmor_restrict_unprivileged_userns', '0')}`,
      ].join('\n'),
    };
  }
  const why: Record<string, [string, string]> = {
    ENOSPC: [
      'the limit on their number, or on their nesting (32), is reached',
      sysctlFix('user.max_user_namespaces', '65536'),
    ],
    EPERM: [
      'refused: by a seccomp filter or a chroot that this session runs in',
      'leave the chroot; in a container run it with --security-opt seccomp=unconfined',
    ],
    EINVAL: ['this kernel has none (CONFIG_USER_NS)', "boot the distribution's own kernel"],
  };
  const [detail, fix] = why[errno] ?? ['cannot be made', 'see user_namespaces(7)'];
  return { name, status: 'fail', detail: `${detail}: clone3(CLONE_NEWUSER | CLONE_NEWNS): ${errno}`, fix };
}

function forbiddenBySysctl(host: Host): Pick<Check, 'detail' | 'fix'> | undefined {
  if (sysctl(host, 'user.max_user_namespaces') === '0') {
    return {
      detail: 'none allowed: user.max_user_namespaces = 0',
      fix: sysctlFix('user.max_user_namespaces', '65536'),
    };
  }
  if (!host.account.asRoot && sysctl(host, 'kernel.unprivileged_userns_clone') === '0') {
    return {
      detail: 'forbidden to unprivileged users: kernel.unprivileged_userns_clone = 0',
      fix: sysctlFix('kernel.unprivileged_userns_clone', '1'),
    };
  }
  return undefined;
}

/** Images have files of many ids, and containers setuid() to them: one id is not enough. */
export function subordinateRange(host: Host): Check {
  const name = 'subordinate-ids';
  const { account } = host;
  if (account.asRoot) {
    try {
      const { start, count } = plannedRange(host.root);
      return { name, status: 'ok', detail: `${start}…${start + count - 1}, which belong to nobody` };
    } catch (error) {
      return { name, status: 'fail', detail: messageOf(error), fix: (error as PunnetError).fix };
    }
  }
  const who = account.name ?? String(account.uid);
  const ids = subordinateIds(account, host.root);
  const missing = (['uid', 'gid'] as const).filter((kind) => ids[kind].length === 0);
  if (missing.length > 0) {
    return {
      name,
      status: 'fail',
      detail: `${who} has no range in ${missing.map((kind) => `/etc/sub${kind}`).join(' and ')}`,
      fix: `sudo usermod ${missing.map((kind) => `--add-sub${kind}s ${freeStart(host)}-${freeStart(host) + WANTED - 1}`).join(' ')} ${who}`,
    };
  }
  const size = Math.min(sizeOf(mapOfUser(account.uid, ids.uid)), sizeOf(mapOfUser(account.gid, ids.gid)));
  if (size < WANTED) {
    return {
      name,
      status: 'warn',
      detail: `${who} has ${size - 1} subordinate ids; images use ids up to 65535`,
      breaks: `images with files of ids from ${size} on, such as nobody (65534)`,
      fix: `sudo usermod --add-subuids ${freeStart(host)}-${freeStart(host) + WANTED - 1} --add-subgids ${freeStart(host)}-${freeStart(host) + WANTED - 1} ${who}`,
    };
  }
  return { name, status: 'ok', detail: `${size - 1} for ${who}` };
}

/** The first id after every range that is handed out: a line that can be pasted must not collide. */
function freeStart(host: Host): number {
  const ends = ['/etc/subuid', '/etc/subgid'].flatMap((file) =>
    read(host, file)
      .split('\n')
      .map((line) => line.split(':'))
      .map(([, start, count]) => Number(start) + Number(count))
      .filter(Number.isFinite),
  );
  return Math.max(100_000, ...ends);
}

/** newuidmap and newgidmap must be there and must gain root, by the setuid bit or by file capabilities. */
export async function idMapPrograms(host: Host): Promise<Check> {
  const name = 'newuidmap';
  if (host.account.asRoot) return { name, status: 'ok', detail: 'not needed by root' };
  const fix = 'sudo apt-get install -y uidmap';
  for (const program of ['newuidmap', 'newgidmap']) {
    const path = findInPath(program, host.env.PATH);
    if (!path) return { name, status: 'fail', detail: `${program} is not in PATH`, fix };
    const { mode, uid } = statSync(path);
    const setuid = (mode & 0o4000) !== 0 && uid === 0;
    if (!setuid && !(await hasFileCapability(path))) {
      return {
        name,
        status: 'fail',
        detail: `${path} is neither setuid root nor has the file capability it needs`,
        fix: `sudo chown root:root ${path} && sudo chmod u+s ${path}`,
      };
    }
  }
  if (/^NoNewPrivs:\s*1$/m.test(read(host, '/proc/self/status'))) {
    return {
      name,
      status: 'fail',
      detail: 'this session has no_new_privs set, so newuidmap cannot become root',
      fix: 'start punnetd from a session without it (systemd: NoNewPrivileges=no)',
    };
  }
  return { name, status: 'ok', detail: 'newuidmap and newgidmap can write id maps' };
}

async function hasFileCapability(path: string): Promise<boolean> {
  try {
    const { lgetxattr } = await import('../../native/addon.ts');
    return lgetxattr(path, 'security.capability').length > 0;
  } catch {
    return false; // ENODATA: none
  }
}

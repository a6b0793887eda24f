// Started as root, punnet's root is nobody to the host's files, but `-v` must give containers root's files as Docker does. So
// root lays the host's mounts, id-mapped (0…65535 on disk are 0…65535 inside), nodev and nosuid, below one directory of the
// environment's mount namespace, once, before any daemon runs there. Runs in the launcher, as root; its child enters the mount
// namespace of the holder. open_tree(2), mount_setattr(2) MOUNT_ATTR_IDMAP (Linux 5.12), move_mount(2)

import { chownSync, closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pidfdOpen } from '../native/addon.ts';
import * as k from '../native/constants.ts';
import type { Op, Plan } from '../native/ops.ts';
import { walk } from '../native/walk.ts';
import type { Owner } from './directories.ts';
import type { ProcessIdentity } from '../native/process-identity.ts';

/** What the kernel makes up has no files of root's; a container gets its own. */
const MADE_UP = new Set(
  (
    'proc sysfs devtmpfs devpts mqueue cgroup cgroup2 debugfs tracefs securityfs configfs pstore bpf efivarfs fusectl ' +
    'hugetlbfs autofs binfmt_misc rpc_pipefs nsfs selinuxfs overlay squashfs'
  ).split(' '),
);

const HOLDER = 3;
const USERS = 4;
const FIRST = 5;
/** as many as there are slots */
const MOST = 120;

/** Mount points of real file systems in mountinfo's text, parents first, each once. proc_pid_mountinfo(5) */
export function realMounts(mountinfo: string): string[] {
  const found = new Set<string>();
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const path = before
      .split(' ')[4]
      ?.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
    if (!path || MADE_UP.has(after.split(' ')[0]!)) continue;
    if (path === '/dev' || path.startsWith('/dev/') || path.startsWith('/sys/') || path.startsWith('/proc/')) continue;
    found.add(path);
  }
  return [...found].sort((a, b) => (a === '/' ? -1 : b === '/' ? 1 : a < b ? -1 : 1)).slice(0, MOST);
}

/** Clones and maps each mount outside, then attaches the clones below `tree` inside. Held at the end, to be killed. */
export function hostTreePlan(mounts: string[], tree: string): Plan {
  const outside = mounts.flatMap((path, index): Op[] => [
    { who: 'child', op: 'open_tree', path, flags: k.OPEN_TREE_CLONE | k.OPEN_TREE_CLOEXEC, slot: FIRST + index },
    {
      who: 'child',
      op: 'mount_setattr',
      fd: FIRST + index,
      flags: k.AT_EMPTY_PATH,
      set: k.MOUNT_ATTR_IDMAP | k.MOUNT_ATTR_NODEV | k.MOUNT_ATTR_NOSUID,
      clear: 0,
      // so that what the host unmounts is let go here too
      propagation: k.MS_SLAVE,
      userns: USERS,
      // a file system that has no id-mapped mounts, or a mount that is one: there the plain ids remain
      except: ['EINVAL', 'EPERM', 'ENOSYS'],
    },
  ]);
  const inside = mounts.map((path, index): Op => ({
    who: 'child',
    op: 'move_mount',
    from: FIRST + index,
    target: join(tree, path),
    except: ['ENOENT', 'ENOTDIR'],
  }));
  return {
    ops: [
      { who: 'parent', op: 'clone3', flags: 0 },
      ...outside,
      { who: 'child', op: 'setns', fd: HOLDER, nstype: k.CLONE_NEWNS },
      ...inside,
      { who: 'child', op: 'await' },
      { who: 'child', op: 'pause' },
    ],
  };
}

/**
 * Makes `tree`, a directory that belongs to `owner`, the root of the host's files in the holder's mount namespace.
 * @throws internal naming the op that failed
 */
export async function mountHostTree(tree: string, options: { holder: ProcessIdentity; owner: Owner }): Promise<void> {
  const { holder, owner } = options;
  mkdirSync(tree, { recursive: true, mode: 0o700 });
  chownSync(tree, owner.uid, owner.gid);
  const pidfd = pidfdOpen(holder.pid);
  const users = openSync(`/proc/${holder.pid}/ns/user`, 'r');
  try {
    const child = walk(hostTreePlan(realMounts(readFileSync('/proc/self/mountinfo', 'utf8')), tree), {
      slots: { [HOLDER]: pidfd, [USERS]: users },
    });
    child.kill(9);
    await child.wait();
  } finally {
    closeSync(users);
    closeSync(pidfd);
  }
}

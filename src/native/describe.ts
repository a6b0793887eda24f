// An op in words, for errors and for --explain, and what mends its usual failures. Pure.

import type { Op } from './ops.ts';

const octal = (mode: number) => mode.toString(8).padStart(4, '0');
const at = (path: string | undefined, fd: number | undefined) => path ?? `slot ${fd}`;

/** `mount proc on /proc`, `pivot_root .`: step and object, no errno. */
export function describeOp(op: Op): string {
  switch (op.op) {
    case 'mount':
      return `mount ${op.source ?? op.fstype ?? (op.from === undefined ? 'none' : `slot ${op.from}`)} on ${op.target}`;
    case 'umount2':
      return `umount2 ${op.target}`;
    case 'open':
    case 'openat2':
    case 'open_tree':
    case 'chdir':
    case 'chroot':
    case 'connect':
      return `${op.op} ${op.path}`;
    case 'write_file':
      return `write ${op.path}`;
    case 'mkdir':
    case 'mknod':
    case 'chmod':
      return `${op.op} ${op.path} ${octal(op.mode)}`;
    case 'symlink':
      return `symlink ${op.path} to ${op.target}`;
    case 'chown':
      return `chown ${op.path} ${op.uid}:${op.gid}`;
    case 'fchown':
      return `fchown slot ${op.fd} ${op.uid}:${op.gid}`;
    case 'copy_tree':
      return `copy_tree to ${op.to}`;
    case 'move_mount':
      return `move_mount slot ${op.from} on ${at(op.target, op.to)}`;
    case 'mount_setattr':
      return `mount_setattr ${at(op.path, op.fd)}`;
    case 'pivot_root':
      return `pivot_root ${op.new_root}`;
    case 'sethostname':
    case 'setdomainname':
    case 'link_up':
    case 'move_link':
    case 'add_address':
    case 'keyring':
      return `${op.op} ${op.name}`;
    case 'spawn':
      return `run ${op.path}`;
    case 'find_program':
      return `look for ${op.paths[0] ?? ''}`;
    case 'execve':
      return `execve ${op.argv[0] ?? op.paths[0] ?? ''}`;
    case 'setrlimit':
      return `setrlimit ${op.resource} ${op.soft}:${op.hard}`;
    case 'sched_setattr':
      return `sched_setattr policy ${op.policy}`;
    case 'setgroups':
      return `setgroups ${op.gids.join(' ')}`.trimEnd();
    case 'setresgid':
      return `setresgid ${op.gid}`;
    case 'setresuid':
      return `setresuid ${op.uid}`;
    case 'pidfd_open':
      return `pidfd_open ${op.pid}`;
    case 'setns':
      return `setns 0x${op.nstype.toString(16)}`;
    case 'clone3':
    case 'unshare':
      return `${op.op} 0x${op.flags.toString(16)}`;
    default:
      return op.op;
  }
}

/** What to do about a failure that has one usual cause; undefined when there is none. */
export function mendingOf(op: Op, errno: string): string | undefined {
  const namespaces = op.op === 'clone3' || op.op === 'unshare';
  if (namespaces && errno === 'ENOSPC') return 'sudo sysctl -w user.max_user_namespaces=65536';
  if (namespaces && errno === 'EPERM') return 'punnet doctor';
  if (errno === 'ENOSYS') return 'a newer kernel: punnet needs Linux 5.12 or later';
  if (op.op === 'setresuid' || op.op === 'setresgid' || op.op === 'setgroups') {
    if (errno === 'EINVAL') return 'give your user more subordinate ids in /etc/subuid and /etc/subgid';
  }
  return undefined;
}

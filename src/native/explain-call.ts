// An op as strace(1) would print the system call that it is: names of flags instead of numbers, NULL, octal modes. Pure.

import * as k from './constants.ts';
import type { Op } from './ops.ts';

/** By value: a module's own order is lost in a bundle. */
const CONSTANTS = Object.entries<unknown>(k)
  .filter((entry): entry is [string, number] => typeof entry[1] === 'number')
  .sort(([, one], [, other]) => one - other);

/** Flags by their kernel names, in the order of their bits; what has no name is left as a hexadecimal rest. */
export function flagNames(prefix: string, value: number, otherwise = '0'): string {
  const single = CONSTANTS.filter(([name, bit]) => name.startsWith(prefix) && bit !== 0 && (bit & (bit - 1)) === 0);
  const named: string[] = [];
  let rest = value >>> 0;
  for (const [name, bit] of single) {
    if ((rest & bit) === 0) continue;
    named.push(name);
    rest = (rest & ~bit) >>> 0;
  }
  if (rest !== 0) named.push(`0x${rest.toString(16)}`);
  return named.join('|') || otherwise;
}

const octal = (mode: number | undefined) => `0${(mode ?? 0).toString(8)}`;
const text = (value: string | null | undefined) =>
  value === null || value === undefined ? 'NULL' : JSON.stringify(value);
const dir = (slot: number | undefined) => (slot === undefined ? 'AT_FDCWD' : fd(slot));
const fd = (slot: number) => `fd${slot}`;
const hex = (value: bigint) => `0x${value.toString(16)}`;
const list = (items: readonly string[]) => `[${items.map((item) => text(item)).join(', ')}]`;

/** 4 bytes as `10.0.0.1`, 16 as `fd00:0:0:0:0:0:0:1` */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: bytes.length / 2 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!);
  return groups.map((group) => group.toString(16)).join(':');
}

/** The numbers of the bits that are set: `0,2,3` */
export function bitList(mask: Uint8Array): string {
  const bits: number[] = [];
  mask.forEach((byte, index) => {
    for (let bit = 0; bit < 8; bit++) if ((byte >> bit) & 1) bits.push(index * 8 + bit);
  });
  return bits.join(',');
}

/** O_RDONLY is zero, so it is the name for "none of the others". */
function openFlags(flags: number): string {
  const access = ['O_RDONLY', 'O_WRONLY', 'O_RDWR'][flags & 3] ?? '3';
  const others = flagNames('O_', flags & ~3 & ~k.O_CLOEXEC, '');
  return others === '' ? access : flags & k.O_PATH ? others : `${access}|${others}`;
}

/** PR_SET_PDEATHSIG for 1. */
function prctlName(option: number): string {
  const found = Object.entries(k).find(([name, number]) => name.startsWith('PR_') && number === option);
  return found?.[0] ?? String(option);
}

function requestName(request: number): string {
  const found = Object.entries(k).find(([name, number]) => name.startsWith('TIOC') && number === request);
  return found?.[0] ?? `0x${request.toString(16)}`;
}

/** `mount("proc", "/proc", "proc", MS_NOSUID, NULL)` */
export function describeCall(op: Op, pid?: number): string {
  const path = (value: string) => text(pid === undefined ? value : value.replace('%child', String(pid)));
  const call = (...args: (string | number)[]) => `${op.op}(${args.join(', ')})`;
  switch (op.op) {
    case 'unshare':
      return call(flagNames('CLONE_', op.flags));
    case 'clone3':
      return call(flagNames('CLONE_', op.flags), ...(op.cgroup === undefined ? [] : [`cgroup=${fd(op.cgroup)}`]));
    case 'pidfd_open':
      return `${call(op.pid)} = ${fd(op.slot)}`;
    case 'setns':
      return call(fd(op.fd), flagNames('CLONE_', op.nstype));
    case 'open':
      return `${call(path(op.path), openFlags(op.flags), ...(op.mode ? [octal(op.mode)] : []))} = ${fd(op.slot)}`;
    case 'openat2': {
      const how = `${openFlags(op.flags)}, ${flagNames('RESOLVE_', op.resolve)}`;
      return `${call(dir(op.dirfd), path(op.path), how)} = ${fd(op.slot)}`;
    }
    case 'close':
    case 'fchdir':
    case 'await_fifo':
      return call(fd(op.fd));
    case 'send_fd':
      return `sendmsg(${op.to === undefined ? 'parent' : fd(op.to)}, SCM_RIGHTS [${fd(op.fd)}]${op.data === undefined ? '' : `, ${path(op.data)}`})`;
    case 'recv_fd':
      return `recvmsg(child, SCM_RIGHTS) = ${fd(op.slot)}`;
    case 'connect':
      return `connect(${text(op.path)}) = ${fd(op.slot)}`;
    case 'close_range':
      return call(op.first, op.last === 0xffffffff ? '~0' : op.last, flagNames('CLOSE_RANGE_', op.flags));
    case 'dup2':
      return call(fd(op.fd), op.to);
    case 'fchown':
      return call(fd(op.fd), op.uid, op.gid);
    case 'write_file':
      return `write(${path(op.path)}, ${text(op.data)})`;
    case 'mkdir':
    case 'chmod':
      return call(text(op.path), octal(op.mode));
    case 'mknod':
      return call(text(op.path), octal(op.mode), op.dev);
    case 'symlink':
      return call(text(op.target), text(op.path));
    case 'chown':
      return call(text(op.path), op.uid, op.gid);
    case 'chdir':
    case 'chroot':
      return call(text(op.path));
    case 'mount':
      return call(
        op.from === undefined ? text(op.source) : fd(op.from),
        text(op.target),
        text(op.fstype),
        flagNames('MS_', op.flags),
        text(op.data),
      );
    case 'umount2':
      return call(text(op.target), flagNames('MNT_', op.flags));
    case 'open_tree': {
      const clone = op.flags & k.OPEN_TREE_CLONE ? ['OPEN_TREE_CLONE'] : [];
      const others = flagNames('AT_', op.flags & ~k.OPEN_TREE_CLONE & ~k.OPEN_TREE_CLOEXEC, '');
      const flags = [...clone, ...(others ? [others] : [])].join('|') || '0';
      return `${call(dir(op.dirfd), text(op.path), flags)} = ${fd(op.slot)}`;
    }
    case 'move_mount':
      return call(fd(op.from), op.target === undefined ? fd(op.to ?? -1) : text(op.target));
    case 'mount_setattr': {
      const parts = [
        op.set ? `set=${flagNames('MOUNT_ATTR_', op.set)}` : '',
        op.clear ? `clear=0x${op.clear.toString(16)}` : '',
        op.propagation ? `propagation=${flagNames('MS_', op.propagation)}` : '',
        op.userns === undefined ? '' : `userns=${fd(op.userns)}`,
      ];
      const target = op.path === undefined ? fd(op.fd ?? -1) : text(op.path);
      return call(target, flagNames('AT_', op.flags), `{${parts.filter(Boolean).join(', ')}}`);
    }
    case 'pivot_root':
      return call(text(op.new_root), text(op.put_old));
    case 'sethostname':
    case 'setdomainname':
    case 'keyring':
      return call(text(op.name));
    case 'copy_tree':
      return call(fd(op.from), text(op.to));
    case 'move_link':
      return `rtnetlink(RTM_NEWLINK, ${text(op.name)}, IFLA_NET_NS_PID=${pid ?? '%child'}, IFLA_IFNAME=${text(op.as)})`;
    case 'add_address':
      return `rtnetlink(RTM_NEWADDR, ${text(op.name)}, ${addressText(op.address)}/${op.prefix})`;
    case 'link_up':
      return `ioctl(SIOCSIFFLAGS, ${text(op.name)}, IFF_UP)`;
    case 'ioctl': {
      const result = op.result === undefined ? '' : ` = ${fd(op.result)}`;
      return `${call(fd(op.fd), requestName(op.request), op.pointer ? `&${op.arg}` : op.arg)}${result}`;
    }
    case 'setrlimit': {
      const name = Object.entries(k.RLIMITS).find(([, number]) => number === op.resource)?.[0] ?? op.resource;
      const limit = (value: bigint) => (value === k.RLIM_INFINITY ? 'RLIM_INFINITY' : value.toString());
      const limits = [name, limit(op.soft), limit(op.hard)];
      return op.who === 'child' ? call(...limits) : `prlimit(${[pid ?? '%child', ...limits].join(', ')})`;
    }
    case 'sched_setattr': {
      const { policy, flags, nice, priority, runtime, deadline, period } = op;
      const fields = { policy, flags, nice, priority, runtime, deadline, period };
      const set = Object.entries(fields).filter(([name, value]) => name === 'policy' || value !== 0);
      return call(0, `{${set.map(([name, value]) => `${name}=${value}`).join(', ')}}`);
    }
    case 'sched_setaffinity':
      return call(0, `[${bitList(op.mask)}]`);
    case 'ioprio_set':
      return call('IOPRIO_WHO_PROCESS', 0, `IOPRIO_PRIO_VALUE(${op.ioprio >> 13}, ${op.ioprio & 0x1fff})`);
    case 'set_mempolicy':
      return call(op.mode, `[${bitList(op.nodes)}]`);
    case 'userns':
      return `clone(CLONE_NEWUSER) with maps ${text(op.uid_map)}, ${text(op.gid_map)} = ${fd(op.slot)}`;
    case 'umask':
      return call(octal(op.mask));
    case 'prctl':
      return call(prctlName(op.option), op.arg2);
    case 'capbset':
      return `prctl(PR_CAPBSET_DROP, all but ${hex(op.keep)})`;
    case 'capset':
      return call(`effective=${hex(op.effective)}, permitted=${hex(op.permitted)}, inheritable=${hex(op.inheritable)}`);
    case 'ambient':
      return `prctl(PR_CAP_AMBIENT_RAISE, ${hex(op.raise)})`;
    case 'setgroups':
      return call(`[${op.gids.join(', ')}]`);
    case 'setresgid':
      return call(op.gid, op.gid, op.gid);
    case 'setresuid':
      return call(op.uid, op.uid, op.uid);
    case 'seccomp':
      return call(
        'SECCOMP_SET_MODE_FILTER',
        flagNames('SECCOMP_FILTER_FLAG_', op.flags),
        `${op.filter.length / 8} instructions`,
      );
    case 'personality':
      return call(`0x${op.persona.toString(16)}`);
    case 'find_program':
      return `faccessat(${list(op.paths)}, X_OK)`;
    case 'spawn':
      return call(text(op.path), list(op.argv), `${op.env.length} variables`, `${op.timeout} s`);
    case 'execve':
      return call(
        text(op.paths.length === 1 ? op.paths[0] : (op.argv[0] ?? '')),
        list(op.argv),
        `${op.env.length} variables`,
      );
    case 'await':
    case 'release':
    case 'fork':
    case 'setsid':
    case 'pause':
      return call();
  }
}

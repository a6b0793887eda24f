// An op as the shell command that does the same, so that a learner can repeat a container by hand. Where a shell has no
// command (a message between parent and child, a terminal's ioctl), a comment says what happens. Pure.

import { addressText, bitList, flagNames } from './explain-call.ts';
import * as k from './constants.ts';
import type { Op } from './ops.ts';

/** What earlier ops have put into slots, so that `move_mount fd7` can be said as `mount --bind /etc/hosts`. */
export interface Shell {
  slots: Map<number, string>;
  pid: number | undefined;
}

export function newShell(pid?: number): Shell {
  return { slots: new Map(), pid };
}

const NAMESPACES: [number, string][] = [
  [k.CLONE_NEWUSER, '--user'],
  [k.CLONE_NEWNS, '--mount'],
  [k.CLONE_NEWPID, '--pid'],
  [k.CLONE_NEWNET, '--net'],
  [k.CLONE_NEWIPC, '--ipc'],
  [k.CLONE_NEWUTS, '--uts'],
  [k.CLONE_NEWCGROUP, '--cgroup'],
  [k.CLONE_NEWTIME, '--time'],
];

const MOUNT_OPTIONS: [number, string][] = [
  [k.MS_RDONLY, 'ro'],
  [k.MS_NOSUID, 'nosuid'],
  [k.MS_NODEV, 'nodev'],
  [k.MS_NOEXEC, 'noexec'],
  [k.MS_NOATIME, 'noatime'],
  [k.MS_RELATIME, 'relatime'],
  [k.MS_STRICTATIME, 'strictatime'],
  [k.MS_NODIRATIME, 'nodiratime'],
  [k.MS_SYNCHRONOUS, 'sync'],
];

const PROPAGATIONS: [number, string][] = [
  [k.MS_SHARED, 'shared'],
  [k.MS_SLAVE, 'slave'],
  [k.MS_PRIVATE, 'private'],
  [k.MS_UNBINDABLE, 'unbindable'],
];

const ATTRIBUTES: [number, string][] = [
  [k.MOUNT_ATTR_RDONLY, 'ro'],
  [k.MOUNT_ATTR_NOSUID, 'nosuid'],
  [k.MOUNT_ATTR_NODEV, 'nodev'],
  [k.MOUNT_ATTR_NOEXEC, 'noexec'],
];

const has = (table: [number, string][], flags: number) => table.filter(([bit]) => flags & bit).map(([, name]) => name);

/** A word as sh(1) reads it back unchanged. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

const octal = (mode: number) => mode.toString(8);

/** Capabilities of a mask as setpriv(1) takes them. */
function capabilities(mask: bigint): string {
  const held = k.CAPABILITIES.filter((_, bit) => (mask >> BigInt(bit)) & 1n).map((name) => name.slice(4).toLowerCase());
  if (held.length === k.CAPABILITIES.length) return '+all';
  return ['-all', ...held.map((name) => `+${name}`)].join(',');
}

function mountCommand(op: Extract<Op, { op: 'mount' }>, shell: Shell): string {
  const { target, fstype, flags, data } = op;
  const source = op.from === undefined ? op.source : named(shell, op.from);
  const recursive = flags & k.MS_REC ? 'r' : '';
  const options = [...has(MOUNT_OPTIONS, flags), ...(data ? [data] : [])];
  const changed = has(PROPAGATIONS, flags)[0];
  if (changed) return `mount --make-${recursive}${changed} ${quote(target)}`;
  if (flags & k.MS_MOVE) return `mount --move ${quote(source ?? '')} ${quote(target)}`;
  if (flags & k.MS_REMOUNT) {
    const all = ['remount', ...(flags & k.MS_BIND ? ['bind'] : []), ...options];
    return `mount -o ${quote(all.join(','))} ${quote(target)}`;
  }
  if (flags & k.MS_BIND) return `mount --${recursive}bind ${quote(source ?? '')} ${quote(target)}`;
  const with_ = options.length > 0 ? ` -o ${quote(options.join(','))}` : '';
  return `mount -t ${quote(fstype ?? 'none')}${with_} ${quote(source ?? 'none')} ${quote(target)}`;
}

/** The file that a slot stands for, or the descriptor of that number. */
const named = (shell: Shell, slot: number | undefined) => shell.slots.get(slot ?? -1) ?? `/proc/self/fd/${slot}`;

function attributeCommand(op: Extract<Op, { op: 'mount_setattr' }>, shell: Shell): string {
  const target = quote(op.path ?? named(shell, op.fd));
  const recursive = op.flags & k.AT_RECURSIVE ? 'r' : '';
  const propagation = has(PROPAGATIONS, op.propagation)[0];
  const commands: string[] = [];
  const set = has(ATTRIBUTES, op.set);
  const options = [
    ...set,
    ...has(ATTRIBUTES, op.clear & ~op.set).map((name) => (name === 'ro' ? 'rw' : name.slice(2))),
  ];
  if (options.length > 0) {
    const each = recursive ? options.map((option) => `${option}=recursive`) : options;
    commands.push(`mount -o ${quote(['remount', 'bind', ...each].join(','))} ${target}`);
  }
  if (propagation) commands.push(`mount --make-${recursive}${propagation} ${target}`);
  if (op.userns !== undefined) commands.push(`# ids of ${target} are mapped as in ${named(shell, op.userns)}`);
  return commands.join('; ') || `# mount_setattr ${target} ${flagNames('MOUNT_ATTR_', op.set)}`;
}

function prctlCommand(op: Extract<Op, { op: 'prctl' }>): string {
  switch (op.option) {
    case k.PR_SET_PDEATHSIG:
      return `setpriv --pdeathsig ${op.arg2} …`;
    case k.PR_SET_NO_NEW_PRIVS:
      return 'setpriv --no-new-privs …';
    case k.PR_SET_KEEPCAPS:
      return '# keep capabilities while the user changes';
    case k.PR_SET_DUMPABLE:
      return '# nobody may look into this process until execve';
    default:
      return `# prctl ${op.option} ${op.arg2}`;
  }
}

/** nsenter(1) takes namespaces of a process, or each from its file. */
function nsenterCommand({ fd, nstype }: Extract<Op, { op: 'setns' }>, shell: Shell): string {
  const types = has(NAMESPACES, nstype);
  const from = named(shell, fd);
  const target = /^pid:(\d+)$/.exec(from)?.[1];
  return target === undefined
    ? `nsenter ${types.join(' ')}=${quote(from)}`
    : `nsenter --target ${target} ${types.join(' ')}`;
}

/* chrt(1) by number of the policy. */
const POLICIES = ['--other', '--fifo', '--rr', '--batch', '', '--idle', '--deadline'];

function schedulerCommand(op: Extract<Op, { op: 'sched_setattr' }>): string {
  const deadline = op.runtime
    ? ` --sched-runtime ${op.runtime} --sched-deadline ${op.deadline} --sched-period ${op.period}`
    : '';
  const nice = op.nice ? `nice -n ${op.nice} ` : '';
  return `${nice}chrt ${POLICIES[op.policy] ?? op.policy}${deadline} ${op.priority} …`;
}

/** Remembers what the op puts into a slot. */
function remember(op: Op, shell: Shell): void {
  if (op.op === 'pidfd_open') shell.slots.set(op.slot, `pid:${op.pid}`);
  if (op.op === 'connect') shell.slots.set(op.slot, op.path);
  if (op.op === 'open' || op.op === 'openat2') shell.slots.set(op.slot, op.path);
  if (op.op === 'open_tree') shell.slots.set(op.slot, op.path === '' ? named(shell, op.dirfd) : op.path);
  if (op.op === 'ioctl' && op.result !== undefined) shell.slots.set(op.result, '/dev/pts/0');
  if (op.op === 'move_mount' && op.target !== undefined) shell.slots.set(op.from, op.target);
}

/** The equivalent of one op; must be called for the ops of a plan in their order. */
export function shellCommand(op: Op, shell: Shell): string {
  const command = commandOf(op, shell);
  remember(op, shell);
  return command;
}

function commandOf(op: Op, shell: Shell): string {
  const path = (value: string) => quote(shell.pid === undefined ? value : value.replace('%child', String(shell.pid)));
  switch (op.op) {
    case 'unshare':
      return `unshare ${has(NAMESPACES, op.flags).join(' ')}`;
    case 'clone3':
      return `unshare ${[...has(NAMESPACES, op.flags), '--fork'].join(' ')}`;
    case 'pidfd_open':
      return `# process ${op.pid} is held by a descriptor`;
    case 'setns':
      return nsenterCommand(op, shell);
    case 'await':
      return op.who === 'child' ? '# wait for the parent' : '# wait for the child';
    case 'release':
      return op.who === 'child' ? '# let the parent go on' : '# let the child go on';
    case 'open':
    case 'openat2':
      return `exec ${op.slot}<${path(op.path)}`;
    case 'open_tree':
      return `exec ${op.slot}<${path(op.path === '' ? named(shell, op.dirfd) : op.path)}`;
    case 'close':
      return `exec ${op.fd}<&-`;
    case 'close_range':
      return `# descriptors from ${op.first} on are closed by execve`;
    case 'dup2':
      return `exec ${op.to}<&${op.fd}`;
    case 'write_file':
      return `printf %s ${quote(op.data.replaceAll('\n', ' ').trim())} >${path(op.path)}`;
    case 'mkdir':
      return `mkdir -m ${octal(op.mode)} ${quote(op.path)}`;
    case 'mknod':
      return `mknod -m ${octal(op.mode & 0o7777)} ${quote(op.path)} ${deviceWords(op)}`.trimEnd();
    case 'symlink':
      return `ln -s ${quote(op.target)} ${quote(op.path)}`;
    case 'chmod':
      return `chmod ${octal(op.mode)} ${quote(op.path)}`;
    case 'chown':
      return `chown ${owner(op)} ${quote(op.path)}`;
    case 'fchown':
      return `chown ${owner(op)} ${quote(named(shell, op.fd))}`;
    case 'chdir':
      return `cd ${quote(op.path)}`;
    case 'fchdir':
      return `cd ${quote(`/proc/self/fd/${op.fd}`)}`;
    case 'chroot':
      return `chroot ${quote(op.path)}`;
    case 'mount':
      return mountCommand(op, shell);
    case 'umount2':
      return `umount${op.flags & k.MNT_DETACH ? ' -l' : ''} ${quote(op.target)}`;
    case 'move_mount':
      return `mount --bind ${quote(named(shell, op.from))} ${quote(op.target ?? named(shell, op.to))}`;
    case 'mount_setattr':
      return attributeCommand(op, shell);
    case 'pivot_root':
      return `pivot_root ${quote(op.new_root)} ${quote(op.put_old)}`;
    case 'sethostname':
      return `hostname ${quote(op.name)}`;
    case 'setdomainname':
      return `domainname ${quote(op.name)}`;
    case 'fork':
      return '# a new process goes on';
    case 'copy_tree':
      return `cp -a ${quote(`${named(shell, op.from)}/.`)} ${quote(op.to)}`;
    case 'move_link':
      return `ip link set ${quote(op.name)} netns ${shell.pid ?? '%child'} name ${quote(op.as)}`;
    case 'add_address':
      return `ip address add ${addressText(op.address)}/${op.prefix} dev ${quote(op.name)}`;
    case 'link_up':
      return `ip link set ${quote(op.name)} up`;
    case 'setsid':
      return 'setsid …';
    case 'ioctl':
      return `# terminal: ${requestText(op.request)}`;
    case 'send_fd':
      return op.to === undefined
        ? '# the parent gets the other end of the terminal'
        : `# the listener at ${named(shell, op.to)} gets ${named(shell, op.fd)}`;
    case 'recv_fd':
      return "# the child's descriptor is taken";
    case 'connect':
      return `socat UNIX-CONNECT:${quote(op.path)} …`;
    case 'setrlimit': {
      const name = Object.entries(k.RLIMITS).find(([, number]) => number === op.resource)?.[0];
      const limit = (value: bigint) => (value === k.RLIM_INFINITY ? 'unlimited' : value.toString());
      const pid = op.who === 'child' ? '$$' : String(shell.pid ?? '%child');
      return `prlimit --pid ${pid} --${name?.slice('RLIMIT_'.length).toLowerCase()}=${limit(op.soft)}:${limit(op.hard)}`;
    }
    case 'sched_setattr':
      return schedulerCommand(op);
    case 'sched_setaffinity':
      return `taskset --cpu-list ${bitList(op.mask)} …`;
    case 'ioprio_set':
      return `ionice --class ${op.ioprio >> 13} --classdata ${op.ioprio & 0x1fff} …`;
    case 'set_mempolicy':
      return `numactl --${['localalloc', 'preferred', 'membind', 'interleave'][op.mode & 0xff] ?? 'policy'}=${bitList(op.nodes)} …`;
    case 'userns':
      return `unshare --user sleep infinity & # ids ${op.uid_map.trim().replaceAll('\n', ', ')}`;
    case 'umask':
      return `umask ${octal(op.mask).padStart(4, '0')}`;
    case 'prctl':
      return prctlCommand(op);
    case 'capbset':
      return `setpriv --bounding-set=${capabilities(op.keep)} …`;
    case 'capset':
      return `# capabilities: ${capabilities(op.effective)}`;
    case 'ambient':
      return `setpriv --ambient-caps=${capabilities(op.raise)} …`;
    case 'setgroups':
      return op.gids.length > 0 ? `setpriv --groups=${op.gids.join(',')} …` : 'setpriv --clear-groups …';
    case 'setresgid':
      return `setpriv --regid=${op.gid} …`;
    case 'setresuid':
      return `setpriv --reuid=${op.uid} …`;
    case 'seccomp':
      return '# seccomp: from here on the profile judges every system call';
    case 'personality':
      return `setarch 0x${op.persona.toString(16)} …`;
    case 'keyring':
      return `keyctl session ${quote(op.name)} …`;
    case 'await_fifo':
      return `head -c 1 <${quote(named(shell, op.fd))}`;
    case 'find_program':
      return `command -v ${quote(op.paths[0] ?? '')}`;
    case 'spawn':
      return [op.path, ...op.argv.slice(1)].map(path).join(' ');
    case 'execve':
      return `exec ${op.argv.map(quote).join(' ')}`;
    case 'pause':
      return 'sleep infinity';
  }
}

const owner = ({ uid, gid }: { uid: number; gid: number }) => `${uid < 0 ? '' : uid}${gid < 0 ? '' : `:${gid}`}`;

function deviceWords({ mode, dev }: { mode: number; dev: number }): string {
  const numbers = `${(dev >> 8) & 0xfff} ${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`;
  const type = mode & k.S_IFMT;
  return type === k.S_IFCHR ? `c ${numbers}` : type === k.S_IFBLK ? `b ${numbers}` : type === k.S_IFIFO ? 'p' : '';
}

function requestText(request: number): string {
  if (request === k.TIOCSPTLCK) return 'unlock it';
  if (request === k.TIOCGPTPEER) return "open the container's end";
  if (request === k.TIOCSCTTY) return 'it controls this session';
  return `ioctl 0x${request.toString(16)}`;
}

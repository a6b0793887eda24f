// The vocabulary of plans. An op is about one system call, spelled and ordered as the kernel spells it; a plan is a list of
// ops that native/plan.c walks without Node, JSON or malloc. Each op names who executes it: the `parent` (shim or addon,
// before and after the clone) or the `child` (the new process, until execve).
//
// Slots are numbered places for descriptors that ops open and later ops use (0…127). The walker closes none of them by
// itself except through `close` and `close_range`; all are opened O_CLOEXEC.
// The caller fills slots 0, 1 and 2 with the container's stdin, stdout and stderr (not with a terminal: there the child opens
// the pty and sends its master with send_fd). They are no inherited numbers: dup2 puts them onto 0, 1 and 2.
// `%child` in a path of a parent op is replaced by the child's pid, after clone3.
// `except` lists up to six errnos that count as success (mkdir: ['EEXIST']).

export type Who = 'parent' | 'child';

/** A number of a slot that an earlier op filled, or that the walker's caller passed in. */
export type Slot = number;

interface Common {
  who: Who;
  except?: string[];
}

export type Op = Common &
  (
    | { op: 'unshare'; flags: number }
    /** After this op, the child starts at its first op and the parent goes on with its next. `cgroup`: CLONE_INTO_CGROUP. clone3(2) */
    | { op: 'clone3'; flags: number; cgroup?: Slot }
    /**
     * Child: goes on as a new process in the pid namespace that it has joined or unshared, and ends itself; the parent's
     * `%child` is the new one from its next await on. clone3(2), CLONE_PARENT
     */
    | { op: 'fork' }
    /** A process by its number in the walker's pid namespace; the descriptor stays this process's, whoever gets the number next. */
    | { op: 'pidfd_open'; pid: number; slot: Slot }
    /** `fd` is a namespace file, or a pidfd (Linux 5.8): then `nstype` may name several, and all are joined or none. */
    | { op: 'setns'; fd: Slot; nstype: number }
    /**
     * Child: blocks until the parent releases it. Parent: blocks until the child releases it. One byte of a socketpair. The
     * child may await once more than the plan's parent releases it: there, with all before it done, it is held until the
     * caller starts it.
     */
    | { op: 'await' }
    | { op: 'release' }
    | { op: 'open'; path: string; flags: number; mode?: number; slot: Slot }
    /** `dirfd` absent: AT_FDCWD. openat2(2), Linux 5.6 */
    | { op: 'openat2'; dirfd?: Slot; path: string; flags: number; mode?: number; resolve: number; slot: Slot }
    | { op: 'close'; fd: Slot }
    | { op: 'close_range'; first: number; last: number; flags: number }
    | { op: 'dup2'; fd: Slot; to: number }
    /** open, write once, close: `/proc/%child/uid_map`, `cgroup.procs`, sysctls. */
    | { op: 'write_file'; path: string; data: string }
    | { op: 'mkdir'; path: string; mode: number }
    | { op: 'mknod'; path: string; mode: number; dev: number }
    | { op: 'symlink'; target: string; path: string }
    | { op: 'chmod'; path: string; mode: number }
    | { op: 'chown'; path: string; uid: number; gid: number }
    /** Gives a pipe of the container's standard streams to its user, so that /dev/stdout can be opened again. */
    | { op: 'fchown'; fd: Slot; uid: number; gid: number }
    | { op: 'chdir'; path: string }
    | { op: 'fchdir'; fd: Slot }
    | { op: 'chroot'; path: string }
    /** `from`: the file that this slot holds is the source, as /proc/self/fd/N; the caller's own /proc must be there. */
    | {
        op: 'mount';
        source: string | null;
        target: string;
        fstype: string | null;
        flags: number;
        data: string | null;
        from?: Slot;
      }
    | { op: 'umount2'; target: string; flags: number }
    | { op: 'open_tree'; dirfd?: Slot; path: string; flags: number; slot: Slot }
    /** Copies what is in the directory that `from` holds into the directory `to`, with owners, modes and times. */
    | { op: 'copy_tree'; from: Slot; to: string }
    /** Moves the detached mount in `from` onto `target`, or onto the file that slot `to` holds. */
    | { op: 'move_mount'; from: Slot; target?: string; to?: Slot }
    /** `fd` with AT_EMPTY_PATH, or `path`. mount_setattr(2), Linux 5.12 */
    | {
        op: 'mount_setattr';
        fd?: Slot;
        path?: string;
        flags: number;
        set: number;
        clear: number;
        propagation: number;
        userns?: Slot;
      }
    | { op: 'pivot_root'; new_root: string; put_old: string }
    | { op: 'sethostname'; name: string }
    | { op: 'setdomainname'; name: string }
    /** SIOCSIFFLAGS on `lo` of the current network namespace; netdevice(7) */
    | { op: 'link_up'; name: string }
    /** Parent: gives a network device to the child's network namespace, where it is called `as`; rtnetlink(7) */
    | { op: 'move_link'; name: string; as: string }
    /** An address of 4 or 16 bytes; rtnetlink(7) */
    | { op: 'add_address'; name: string; address: Uint8Array; prefix: number }
    | { op: 'setsid' }
    /** `pointer`: the kernel gets the address of eight bytes that hold `arg` (TIOCSPTLCK, TIOCSWINSZ). `result`: the return value is a descriptor. */
    | { op: 'ioctl'; fd: Slot; request: number; arg: number; pointer?: boolean; result?: Slot }
    /**
     * Sends a descriptor to the parent, which keeps it (the pty master), or to the socket in slot `to`, with `data`: at least
     * one byte, `%child` in it being the child's pid. SCM_RIGHTS, unix(7)
     */
    | { op: 'send_fd'; fd: Slot; to?: Slot; data?: string }
    /** Parent: takes the descriptor that the child sends. */
    | { op: 'recv_fd'; slot: Slot }
    /** A stream connection to a Unix socket; `path` has up to 107 bytes. unix(7) */
    | { op: 'connect'; path: string; slot: Slot }
    /** By the parent: of the child, whose own user namespace could not raise a limit. prlimit(2) */
    | { op: 'setrlimit'; resource: number; soft: bigint; hard: bigint }
    | {
        op: 'sched_setattr';
        policy: number;
        flags: number;
        nice: number;
        priority: number;
        /** nanoseconds */
        runtime: number;
        deadline: number;
        period: number;
      }
    /** A bit for each processor, lowest first. */
    | { op: 'sched_setaffinity'; mask: Uint8Array }
    | { op: 'ioprio_set'; ioprio: number }
    /** A bit for each NUMA node, lowest first; a multiple of 8 bytes. */
    | { op: 'set_mempolicy'; mode: number; nodes: Uint8Array }
    | { op: 'umask'; mask: number }
    | { op: 'prctl'; option: number; arg2: number; arg3?: number; arg4?: number; arg5?: number }
    /** Drops from the bounding set every capability (0…last cap) that is not in the mask. */
    | { op: 'capbset'; keep: bigint }
    | { op: 'capset'; effective: bigint; permitted: bigint; inheritable: bigint }
    | { op: 'ambient'; raise: bigint }
    | { op: 'setgroups'; gids: number[] }
    | { op: 'setresgid'; gid: number }
    | { op: 'setresuid'; uid: number }
    /** Classic BPF as struct sock_filter[]; seccomp(2), SECCOMP_SET_MODE_FILTER */
    | { op: 'seccomp'; flags: number; filter: Uint8Array; listener?: Slot }
    | { op: 'personality'; persona: number }
    | { op: 'keyring'; name: string }
    /** Ends the conversation with the parent, whose walk is done then, and blocks until a byte comes through the FIFO. fifo(7) */
    | { op: 'await_fifo'; fd: Slot }
    /** Fails as `execve` of these paths would, before it is too late to tell anybody; faccessat2(2), Linux 5.8 */
    | { op: 'find_program'; paths: string[] }
    /**
     * Runs a program to its end (hooks, newuidmap), with `input` on its stdin and its output on the walker's stderr. An argument
     * `%child`, and the first `%child` of the input, are replaced by the child's pid (in the child: by its own). `timeout` in
     * seconds; 0: none. An errno from 4096 on is an exit status. vfork(2), execve(2)
     */
    | { op: 'spawn'; path: string; argv: string[]; env: string[]; input: string; timeout: number }
    /** A user namespace of its own with these maps, for an id-mapped mount. user_namespaces(7), mount_setattr(2) */
    | { op: 'userns'; uid_map: string; gid_map: string; slot: Slot }
    /** Tries each path in turn: ENOENT and ENOTDIR go on, EACCES is remembered; the errno of the op is execvp's. */
    | { op: 'execve'; paths: string[]; argv: string[]; env: string[] }
    /** Ends the child without execve (a holder that only keeps namespaces). */
    | { op: 'pause' }
  );

export type OpName = Op['op'];

export interface Plan {
  ops: Op[];
}

/** What the walker measured of one op. */
export interface OpReport {
  /** index in plan.ops */
  index: number;
  /** 0 or a positive errno */
  errno: number;
  /** CLOCK_MONOTONIC nanoseconds that the op took; -1 when it did not run */
  ns: bigint;
}

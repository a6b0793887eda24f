// Docker's default seccomp profile as data: which calls a container may make, by subject, and what else it may with a
// capability, on an architecture, or for some arguments. Everything not named here fails with EPERM, so that a call that a
// future kernel adds is forbidden until someone has thought about it. moby profiles/seccomp, syscalls(2)

import type { SeccompArg } from '../base/oci-runtime.ts';

/** A condition on a rule: all given parts must hold. */
export interface When {
  /** the container holds this capability */
  cap?: string;
  /** the container lacks it */
  without?: string;
  /** one of these, in Go's spelling */
  arch?: readonly string[];
  notArch?: readonly string[];
  /** the kernel is this or newer */
  kernel?: string;
}

export interface ProfileRule {
  /** names, separated by spaces */
  calls: string;
  when?: When;
  /** an errno instead of success */
  errno?: number;
  args?: readonly SeccompArg[];
}

const S390 = ['s390', 's390x'] as const;

/** CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET */
const CLONE_NAMESPACES = 0x7e020000;
const ENOSYS = 38;
/* personality(2): what a program may ask for without weakening its own protection */
const PER_LINUX = 0x0;
const PER_LINUX32 = 0x8;
const UNAME26 = 0x20000;
const QUERY = 0xffffffff;
/* socket(2): 38 and 40 open kernel code that is no container's business */
const AF_ALG = 38;
const AF_VSOCK = 40;

/** Calls that every container may make, whatever their arguments. */
export const ALLOWED: Readonly<Record<string, string>> = {
  'files: open and close': `
    open openat openat2 creat close close_range dup dup2 dup3 fcntl fcntl64 flock ioctl memfd_create memfd_secret
    name_to_handle_at pipe pipe2`,
  'files: read and write': `
    read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek _llseek truncate truncate64 ftruncate
    ftruncate64 fallocate copy_file_range sendfile sendfile64 splice tee vmsplice readahead fadvise64 fadvise64_64 sync
    syncfs fsync fdatasync sync_file_range cachestat`,
  'files: names': `
    access faccessat faccessat2 link linkat symlink symlinkat readlink readlinkat rename renameat renameat2 unlink unlinkat
    mkdir mkdirat rmdir mknod mknodat chdir fchdir getcwd getdents getdents64`,
  'files: attributes': `
    stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx statfs statfs64 fstatfs fstatfs64 chmod fchmod
    fchmodat fchmodat2 chown chown32 lchown lchown32 fchown fchown32 fchownat umask utime utimes futimesat utimensat
    utimensat_time64`,
  'files: extended attributes': `
    getxattr lgetxattr fgetxattr getxattrat setxattr lsetxattr fsetxattr setxattrat listxattr llistxattr flistxattr
    listxattrat removexattr lremovexattr fremovexattr removexattrat`,
  'files: watching them, seeing mounts': `
    inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark listmount statmount`,
  'waiting for events': `
    poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create epoll_create1 epoll_ctl epoll_ctl_old
    epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2`,
  'asynchronous io': `
    io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64`,
  memory: `
    brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock munlockall mseal membarrier
    remap_file_pages pkey_alloc pkey_free pkey_mprotect map_shadow_stack process_mrelease`,
  'processes: birth and death': `
    fork vfork execve execveat exit exit_group wait4 waitid waitpid pidfd_open uretprobe`,
  'processes: who am I': `
    getpid getppid gettid getpgid getpgrp setpgid getsid setsid getuid getuid32 geteuid geteuid32 getgid getgid32 getegid
    getegid32 getresuid getresuid32 getresgid getresgid32 getgroups getgroups32 capget prctl`,
  'processes: become another': `
    setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid setresuid32 setresgid setresgid32
    setfsuid setfsuid32 setfsgid setfsgid32 setgroups setgroups32 capset`,
  'processes: limits and accounts': `
    getrlimit ugetrlimit setrlimit prlimit64 getrusage times sysinfo uname`,
  'processes: locking themselves in': `
    seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self`,
  threads: `
    futex futex_time64 futex_wait futex_waitv futex_wake futex_requeue get_robust_list set_robust_list get_thread_area
    set_thread_area set_tid_address rseq`,
  scheduling: `
    sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam sched_getscheduler
    sched_setscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_rr_get_interval_time64
    sched_yield getpriority setpriority ioprio_get ioprio_set getcpu riscv_hwprobe`,
  signals: `
    kill tkill tgkill pidfd_send_signal pause restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
    rt_tgsigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 sigaltstack sigprocmask sigreturn
    signalfd signalfd4`,
  'time: clocks and sleep': `
    time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep clock_nanosleep_time64
    nanosleep adjtimex clock_adjtime clock_adjtime64`,
  'time: timers': `
    alarm getitimer setitimer timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime
    timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64`,
  'talking: sockets': `
    socketcall socketpair bind listen accept accept4 connect getsockname getpeername getsockopt setsockopt shutdown send
    sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64`,
  'talking: System V and POSIX queues': `
    ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget mq_open
    mq_unlink mq_notify mq_getsetattr mq_timedsend mq_timedsend_time64 mq_timedreceive mq_timedreceive_time64`,
  randomness: 'getrandom',
};

/** Calls that some containers may make, or all for some arguments. Several rules for one call: any of them suffices. */
export const CONDITIONAL: readonly ProfileRule[] = [
  // Old kernels let a tracer step around seccomp.
  { calls: 'ptrace process_vm_readv process_vm_writev', when: { kernel: '4.8' } },
  {
    calls: 'kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace',
    when: { cap: 'CAP_SYS_PTRACE' },
  },

  { calls: 'socket', args: [{ index: 0, value: AF_ALG, op: 'SCMP_CMP_LT' }] },
  { calls: 'socket', args: [{ index: 0, value: AF_ALG + 1, op: 'SCMP_CMP_EQ' }] },
  { calls: 'socket', args: [{ index: 0, value: AF_VSOCK, op: 'SCMP_CMP_GT' }] },
  ...[PER_LINUX, PER_LINUX32, UNAME26, UNAME26 | PER_LINUX32, QUERY].map((value): ProfileRule => {
    return { calls: 'personality', args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }] };
  }),

  // New namespaces are for those who administrate. The flags of clone3 lie in memory, where a filter cannot look: programs
  // are told that it does not exist and fall back to clone.
  {
    calls: 'clone',
    when: { without: 'CAP_SYS_ADMIN', notArch: S390 },
    args: [{ index: 0, value: CLONE_NAMESPACES, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
  },
  {
    calls: 'clone',
    when: { without: 'CAP_SYS_ADMIN', arch: S390 },
    args: [{ index: 1, value: CLONE_NAMESPACES, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
  },
  { calls: 'clone3', when: { without: 'CAP_SYS_ADMIN' }, errno: ENOSYS },
  {
    calls: `
      clone clone3 unshare setns sethostname setdomainname mount umount umount2 mount_setattr move_mount open_tree fsopen
      fsconfig fsmount fspick fanotify_init quotactl quotactl_fd lookup_dcookie syslog bpf perf_event_open
      lsm_get_self_attr lsm_set_self_attr lsm_list_modules`,
    when: { cap: 'CAP_SYS_ADMIN' },
  },

  { calls: 'open_by_handle_at', when: { cap: 'CAP_DAC_READ_SEARCH' } },
  { calls: 'reboot', when: { cap: 'CAP_SYS_BOOT' } },
  { calls: 'chroot', when: { cap: 'CAP_SYS_CHROOT' } },
  { calls: 'init_module finit_module delete_module', when: { cap: 'CAP_SYS_MODULE' } },
  { calls: 'acct', when: { cap: 'CAP_SYS_PACCT' } },
  { calls: 'iopl ioperm', when: { cap: 'CAP_SYS_RAWIO' } },
  { calls: 'settimeofday stime clock_settime clock_settime64', when: { cap: 'CAP_SYS_TIME' } },
  { calls: 'vhangup', when: { cap: 'CAP_SYS_TTY_CONFIG' } },
  { calls: 'get_mempolicy set_mempolicy set_mempolicy_home_node mbind', when: { cap: 'CAP_SYS_NICE' } },
  { calls: 'syslog', when: { cap: 'CAP_SYSLOG' } },
  { calls: 'bpf', when: { cap: 'CAP_BPF' } },
  { calls: 'perf_event_open', when: { cap: 'CAP_PERFMON' } },

  { calls: 'arch_prctl', when: { arch: ['amd64', 'x32'] } },
  { calls: 'modify_ldt', when: { arch: ['amd64', 'x32', 'x86'] } },
  {
    calls: 'arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls',
    when: { arch: ['arm', 'arm64'] },
  },
  { calls: 'sync_file_range2 swapcontext', when: { arch: ['ppc64le'] } },
  { calls: 's390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr', when: { arch: S390 } },
  { calls: 'riscv_flush_icache', when: { arch: ['riscv64'] } },
];

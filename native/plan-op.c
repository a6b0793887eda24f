// What each op does: one system call, its arguments as the plan has them, its errno as the kernel gives it. Runs in the
// parent (shim or Node) and in the child between clone3 and execve: no malloc, no locks, no policy. The man page of an op is
// the call of its name, in section 2.

#include "plan-op.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "text.h"

// Numbers since Linux 5.1 are the same on every architecture; headers of older systems may lack them.
#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#ifndef SYS_move_mount
#define SYS_move_mount 429
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

#define MOVE_FROM_FD 0x04  // MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_TO_LINK 0x10  // MOVE_MOUNT_T_SYMLINKS: as mount(2), follow a link at the end of the target
#define MOVE_TO_FD 0x40    // MOVE_MOUNT_T_EMPTY_PATH

static int slot(const struct plan_walk *walk, uint64_t number) {
  return number == PLAN_NONE ? -1 : walk->slots[number];
}

static int dirfd_of(const struct plan_walk *walk, uint64_t number) {
  return number == PLAN_NONE ? AT_FDCWD : walk->slots[number];
}

/** Keeps a new descriptor in a slot; what the slot held before is closed. */
static int keep(struct plan_walk *walk, uint64_t number, long fd) {
  if (fd < 0) return -1;
  if (walk->slots[number] >= 0) close(walk->slots[number]);
  walk->slots[number] = (int)fd;
  return 0;
}

/** Replaces %child by the child's pid; only the parent's paths have it. The result is `path` itself where nothing is replaced. */
static const char *expand(const struct plan_walk *walk, const char *path, char *to, size_t size) {
  const char *mark = walk->child > 0 ? strstr(path, "%child") : NULL;
  if (!mark) return path;
  size_t before = (size_t)(mark - path), after = strlen(mark + 6);
  if (before + 20 + after + 1 > size) return path;  // ENOENT will say so
  memcpy(to, path, before);
  memcpy(put_number(to + before, (uint64_t)walk->child, 1), mark + 6, after + 1);
  return to;
}

/** A file that is held open, as a path that leads to it whatever its name leads to by now. */
static const char *fd_path(int fd, char *to) {
  *put_number(put_text(to, "/proc/self/fd/"), (uint64_t)fd, 1) = 0;
  return to;
}

/** One write, since a second one means something else to the kernel in /proc and in cgroupfs. */
static int write_file(const char *path, const void *data, size_t size) {
  int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return -1;
  ssize_t written = write(fd, data, size);
  int error = written < 0 ? errno : (size_t)written < size ? EIO : 0;
  close(fd);
  errno = error;
  return error ? -1 : 0;
}

static int link_up(const char *name) {
  struct ifreq request = {0};
  size_t length = strlen(name);
  if (length >= sizeof request.ifr_name) {
    errno = ENODEV;
    return -1;
  }
  memcpy(request.ifr_name, name, length);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int result = ioctl(fd, SIOCGIFFLAGS, &request);
  request.ifr_flags |= IFF_UP | IFF_RUNNING;
  if (result == 0) result = ioctl(fd, SIOCSIFFLAGS, &request);
  int error = errno;
  close(fd);
  errno = error;
  return result;
}

/** prctl(2) says EINVAL for the first number that this kernel does not know. */
static int capbset(uint64_t mask) {
  for (unsigned long cap = 0; cap < 64; cap++) {
    int held = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
    if (held < 0) return errno == EINVAL ? 0 : -1;
    if (held && !(mask >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) return -1;
  }
  return 0;
}

static int ambient(uint64_t raise) {
  for (unsigned long cap = 0; cap < 64; cap++) {
    if ((raise >> cap & 1) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0) return -1;
  }
  return 0;
}

static int capset_all(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  for (int i = 0; i < 2; i++) {
    data[i] = (struct __user_cap_data_struct){(uint32_t)(effective >> 32 * i), (uint32_t)(permitted >> 32 * i),
                                              (uint32_t)(inheritable >> 32 * i)};
  }
  return (int)syscall(SYS_capset, &header, data);
}

static int seccomp_filter(struct plan_walk *walk, const uint64_t *arg) {
  struct sock_fprog program = {.len = (unsigned short)(arg[2] / 8), .filter = (struct sock_filter *)(uintptr_t)arg[1]};
  long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (unsigned)arg[0], &program);
  if (result < 0 || arg[3] == PLAN_NONE) return result < 0 ? -1 : 0;
  return keep(walk, arg[3], result);
}

/** Lets the parent go: its walk ends here. Then blocks until a byte comes from whoever opens the FIFO. */
static int await_fifo(struct plan_walk *walk, int fd) {
  char byte;
  close(walk->sync);
  walk->sync = -1;
  ssize_t n;
  do n = read(fd, &byte, 1);
  while (n < 0 && errno == EINTR);
  if (n == 0) errno = ECONNRESET;
  return n == 1 ? 0 : -1;
}

/** Whether exec_first would find something that this process may execute: the same search with faccessat(2) instead. */
static int find_program(char *const *paths) {
  int error = ENOENT;
  for (; *paths; paths++) {
    struct stat status;
    if (stat(*paths, &status) == 0 && syscall(SYS_faccessat2, AT_FDCWD, *paths, X_OK, AT_EACCESS) == 0) {
      if (!S_ISDIR(status.st_mode)) return 0;
      errno = EISDIR;
    }
    if (errno == EACCES || errno == EISDIR) error = errno;
    else if (errno != ENOENT && errno != ENOTDIR) return -1;
  }
  errno = error;
  return -1;
}

/** As execvp(3): a missing candidate is passed over, one that may not be executed is remembered for the end. */
static int exec_first(char *const *paths, char *const *argv, char *const *env) {
  int error = ENOENT;
  for (; *paths; paths++) {
    execve(*paths, argv, env);
    if (errno == EACCES) error = EACCES;
    else if (errno != ENOENT && errno != ENOTDIR) return -1;
  }
  errno = error;
  return -1;
}

#define PIECES 9

int plan_send_fd(const struct plan_walk *walk, int socket, int fd, const char *text) {
  char byte = PLAN_SENDS_FD, pid[24], space[CMSG_SPACE(sizeof fd)] = {0};
  struct iovec data[PIECES] = {{&byte, 1}};
  size_t pieces = 1, whole = 1, digits = (size_t)(put_number(pid, (uint64_t)walk->child, 1) - pid);
  if (text) pieces = whole = 0;
  while (text) {
    const char *mark = pieces + 2 < PIECES ? strstr(text, "%child") : NULL;
    size_t length = mark ? (size_t)(mark - text) : strlen(text);
    data[pieces++] = (struct iovec){(void *)(uintptr_t)text, length};
    if (mark) data[pieces++] = (struct iovec){pid, digits};
    whole += length + (mark ? digits : 0);
    text = mark ? mark + 6 : NULL;
  }
  struct msghdr message = {.msg_iov = data, .msg_iovlen = pieces, .msg_control = space, .msg_controllen = sizeof space};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  if (sent < 0) return -1;
  if ((size_t)sent == whole) return 0;
  errno = EMSGSIZE;
  return -1;
}

static int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(path);
  if (length >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(address.sun_path, path, length);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

/** /proc/PID/`name`, written with one write. */
static int write_of(pid_t pid, const char *name, const char *text) {
  char path[64];
  *put_text(put_text(put_number(put_text(path, "/proc/"), (uint64_t)pid, 1), "/"), name) = 0;
  return write_file(path, text, strlen(text));
}

/** The user namespace of a process that is made for it and ends at once: a descriptor, or -1. mount_setattr(2) */
static int open_userns(const char *uid_map, const char *gid_map) {
  char path[64];
  long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) {
    for (;;) pause();
  }
  if (pid < 0) return -1;
  int fd = -1;
  if (write_of((pid_t)pid, "uid_map", uid_map) == 0 && write_of((pid_t)pid, "gid_map", gid_map) == 0) {
    *put_text(put_number(put_text(path, "/proc/"), (uint64_t)pid, 1), "/ns/user") = 0;
    fd = open(path, O_RDONLY | O_CLOEXEC);
  }
  int error = errno;
  kill((pid_t)pid, SIGKILL);
  while (waitpid((pid_t)pid, NULL, 0) < 0 && errno == EINTR) continue;
  errno = error;
  return fd;
}

static int set_scheduler(const uint64_t *arg) {
  struct {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
  } attributes = {48, (uint32_t)arg[0], arg[1], (int32_t)arg[2], (uint32_t)arg[3], arg[4], arg[5], arg[6]};
  return (int)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

/** The child's when the parent does it, which may raise what the child's user namespace could not. */
static int set_rlimit(const struct plan_walk *walk, const uint64_t *arg) {
  struct rlimit limit = {(rlim_t)arg[1], (rlim_t)arg[2]};
  return prlimit(walk->child, (__rlimit_resource_t)arg[0], &limit, NULL);
}

static int mount_attributes(const struct plan_walk *walk, const uint64_t *arg) {
  struct {
    uint64_t set, clear, propagation, userns;
  } attributes = {arg[3], arg[4], arg[5], arg[6] == PLAN_NONE ? 0 : (uint64_t)slot(walk, arg[6])};
  const char *path = (const char *)(uintptr_t)arg[1];
  unsigned flags = (unsigned)arg[2] | (path ? 0 : AT_EMPTY_PATH);
  return (int)syscall(SYS_mount_setattr, dirfd_of(walk, arg[0]), path ? path : "", flags, &attributes, sizeof attributes);
}

static int move_mount_to(const struct plan_walk *walk, const uint64_t *arg) {
  const char *target = (const char *)(uintptr_t)arg[1];
  unsigned flags = MOVE_FROM_FD | (target ? MOVE_TO_LINK : MOVE_TO_FD);
  return (int)syscall(SYS_move_mount, slot(walk, arg[0]), "", dirfd_of(walk, arg[2]), target ? target : "", flags);
}

static int in_out_control(struct plan_walk *walk, const uint64_t *arg) {
  uint64_t value = arg[2];  // of a pointer that the kernel reads less from, it sees the low bytes
  int result = arg[3] ? ioctl(slot(walk, arg[0]), arg[1], &value) : ioctl(slot(walk, arg[0]), arg[1], arg[2]);
  if (result < 0 || arg[4] == PLAN_NONE) return result < 0 ? -1 : 0;
  return keep(walk, arg[4], result);
}

/** Also where both are the same descriptor: it must survive execve. */
static int dup_to(int fd, int to) {
  if (fd != to) return dup2(fd, to) < 0 ? -1 : 0;
  return fcntl(fd, F_SETFD, 0);
}

int plan_do(struct plan_walk *walk, const struct plan_op *op) {
  const uint64_t *arg = op->arg;
  char path[4096];
#define TEXT(i) ((const char *)(uintptr_t)arg[i])
#define PATH(i) expand(walk, TEXT(i), path, sizeof path)
  switch ((enum plan_code)op->code) {
    case PLAN_UNSHARE:
      return unshare((int)arg[0]);
    case PLAN_PIDFD_OPEN:
      return keep(walk, arg[1], syscall(SYS_pidfd_open, (pid_t)arg[0], 0));
    case PLAN_SETNS:
      return setns(slot(walk, arg[0]), (int)arg[1]);
    case PLAN_OPEN:
      return keep(walk, arg[3], open(PATH(0), (int)arg[1] | O_CLOEXEC, (mode_t)arg[2]));
    case PLAN_OPENAT2: {
      struct open_how how = {.flags = arg[2] | O_CLOEXEC, .mode = arg[3], .resolve = arg[4]};
      return keep(walk, arg[5], syscall(SYS_openat2, dirfd_of(walk, arg[0]), PATH(1), &how, sizeof how));
    }
    case PLAN_CLOSE: {
      int fd = slot(walk, arg[0]);
      walk->slots[arg[0]] = -1;
      return close(fd);
    }
    case PLAN_CLOSE_RANGE:
      return (int)syscall(SYS_close_range, (unsigned)arg[0], (unsigned)arg[1], (unsigned)arg[2]);
    case PLAN_DUP2:
      return dup_to(slot(walk, arg[0]), (int)arg[1]);
    case PLAN_WRITE_FILE:
      return write_file(PATH(0), TEXT(1), arg[2]);
    case PLAN_MKDIR:
      return mkdir(PATH(0), (mode_t)arg[1]);
    case PLAN_MKNOD:
      return mknod(TEXT(0), (mode_t)arg[1], (dev_t)arg[2]);
    case PLAN_SYMLINK:
      return symlink(TEXT(0), TEXT(1));
    case PLAN_CHMOD:
      return chmod(TEXT(0), (mode_t)arg[1]);
    case PLAN_CHOWN:
      return chown(TEXT(0), (uid_t)arg[1], (gid_t)arg[2]);
    case PLAN_FCHOWN:
      return fchown(slot(walk, arg[0]), (uid_t)arg[1], (gid_t)arg[2]);
    case PLAN_CHDIR:
      return chdir(TEXT(0));
    case PLAN_FCHDIR:
      return fchdir(slot(walk, arg[0]));
    case PLAN_CHROOT:
      return chroot(TEXT(0));
    case PLAN_MOUNT:
      return mount(arg[5] == PLAN_NONE ? TEXT(0) : fd_path(slot(walk, arg[5]), path), TEXT(1), TEXT(2), arg[3], TEXT(4));
    case PLAN_UMOUNT2:
      return umount2(TEXT(0), (int)arg[1]);
    case PLAN_OPEN_TREE:
      return keep(walk, arg[3], syscall(SYS_open_tree, dirfd_of(walk, arg[0]), TEXT(1), (unsigned)arg[2] | O_CLOEXEC));
    case PLAN_COPY_TREE: {
      int to = open(TEXT(1), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (to < 0) return -1;
      int result = plan_copy_tree(slot(walk, arg[0]), to);
      int error = errno;
      close(to);
      errno = error;
      return result;
    }
    case PLAN_MOVE_MOUNT:
      return move_mount_to(walk, arg);
    case PLAN_MOUNT_SETATTR:
      return mount_attributes(walk, arg);
    case PLAN_PIVOT_ROOT:
      return (int)syscall(SYS_pivot_root, TEXT(0), TEXT(1));
    case PLAN_SETHOSTNAME:
      return sethostname(TEXT(0), strlen(TEXT(0)));
    case PLAN_SETDOMAINNAME:
      return setdomainname(TEXT(0), strlen(TEXT(0)));
    case PLAN_LINK_UP:
      return link_up(TEXT(0));
    case PLAN_MOVE_LINK:
      return plan_move_link(TEXT(0), TEXT(1), walk->child);
    case PLAN_ADD_ADDRESS:
      return plan_add_address(TEXT(0), TEXT(1), arg[2], (unsigned)arg[3]);
    case PLAN_SETSID:
      return setsid() < 0 ? -1 : 0;
    case PLAN_IOCTL:
      return in_out_control(walk, arg);
    case PLAN_SEND_FD:
      return plan_send_fd(walk, arg[1] == PLAN_NONE ? walk->sync : slot(walk, arg[1]), slot(walk, arg[0]), TEXT(2));
    case PLAN_CONNECT:
      return keep(walk, arg[1], connect_to(TEXT(0)));
    case PLAN_SETRLIMIT:
      return set_rlimit(walk, arg);
    case PLAN_SCHED_SETATTR:
      return set_scheduler(arg);
    case PLAN_SCHED_SETAFFINITY:
      return syscall(SYS_sched_setaffinity, 0, arg[1], TEXT(0)) < 0 ? -1 : 0;
    case PLAN_IOPRIO_SET:
      return (int)syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, arg[0]);
    case PLAN_SET_MEMPOLICY:
      return (int)syscall(SYS_set_mempolicy, arg[0], TEXT(1), arg[2] * 8 + 1);
    case PLAN_UMASK:
      umask((mode_t)arg[0]);
      return 0;
    case PLAN_PRCTL:
      return prctl((int)arg[0], arg[1], arg[2], arg[3], arg[4]) < 0 ? -1 : 0;
    case PLAN_CAPBSET:
      return capbset(arg[0]);
    case PLAN_CAPSET:
      return capset_all(arg[0], arg[1], arg[2]);
    case PLAN_AMBIENT:
      return ambient(arg[0]);
    // The C library would signal every thread it knows of to change ids with it; this process has one.
    case PLAN_SETGROUPS:
      return (int)syscall(SYS_setgroups, arg[1], (const uint32_t *)(uintptr_t)arg[0]);
    case PLAN_SETRESGID:
      return (int)syscall(SYS_setresgid, (gid_t)arg[0], (gid_t)arg[0], (gid_t)arg[0]);
    case PLAN_SETRESUID:
      return (int)syscall(SYS_setresuid, (uid_t)arg[0], (uid_t)arg[0], (uid_t)arg[0]);
    case PLAN_SECCOMP:
      return seccomp_filter(walk, arg);
    case PLAN_PERSONALITY:
      return personality(arg[0]) < 0 ? -1 : 0;
    case PLAN_KEYRING:
      return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, TEXT(0), 0, 0, 0) < 0 ? -1 : 0;
    case PLAN_AWAIT_FIFO:
      return await_fifo(walk, slot(walk, arg[0]));
    case PLAN_FIND_PROGRAM:
      return find_program((char *const *)(uintptr_t)arg[0]);
    case PLAN_SPAWN:
      return plan_spawn(walk, arg);
    case PLAN_USERNS:
      return keep(walk, arg[2], open_userns(TEXT(0), TEXT(1)));
    case PLAN_EXECVE:
      return exec_first((char *const *)(uintptr_t)arg[0], (char *const *)(uintptr_t)arg[2], (char *const *)(uintptr_t)arg[4]);
    case PLAN_PAUSE:
      close(walk->sync);
      for (;;) pause();
    // The walker itself does these.
    case PLAN_CLONE3:
    case PLAN_FORK:
    case PLAN_AWAIT:
    case PLAN_RELEASE:
    case PLAN_RECV_FD:
    case PLAN_CODES:
      break;
  }
  errno = ENOSYS;
  return -1;
}

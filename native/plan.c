// The walker: parent's ops, clone3, child's ops, each with its errno and its nanoseconds in memory that both share. Runs in
// the shim (inside the daemon's namespaces, as their root) and in Node through the addon; the child runs in whatever
// namespaces the plan has brought it into so far. clone(2), socketpair(2), unix(7)

#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "plan-op.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static size_t results_size(const struct plan *plan) { return (plan->count + 1) * sizeof(struct plan_result); }

int plan_open(struct plan_walk *walk, const struct plan *plan) {
  *walk = (struct plan_walk){.plan = plan, .pidfd = -1, .sync = -1, .received = -1, .failed = -1};
  for (int i = 0; i < PLAN_SLOTS; i++) walk->slots[i] = -1;
  walk->results = mmap(NULL, results_size(plan), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (walk->results == MAP_FAILED) return -1;
  for (uint32_t i = 0; i < plan->count; i++) walk->results[i].ns = -1;
  return 0;
}

/** The child went on as another process: its pid stands behind the last result, its pidfd came along. */
static void follow_fork(struct plan_walk *walk) {
  pid_t gone = walk->child;
  walk->child = (pid_t)walk->results[walk->plan->count].start;
  if (walk->pidfd >= 0) close(walk->pidfd);
  walk->pidfd = walk->received;
  walk->received = -1;
  while (waitpid(gone, NULL, 0) < 0 && errno == EINTR) continue;
}

/** Waits for one message of the other side: 1, 0 at its end, -1 with errno. A descriptor that comes along is kept. */
static int receive(struct plan_walk *walk, char *byte) {
  char space[CMSG_SPACE(sizeof(int))];
  struct iovec data = {byte, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
  ssize_t n;
  do n = recvmsg(walk->sync, &message, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n <= 0) return (int)n;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    if (walk->received >= 0) close(walk->received);
    memcpy(&walk->received, CMSG_DATA(header), sizeof walk->received);
  }
  if (*byte == PLAN_FORKED) follow_fork(walk);
  return 1;
}

static int tell(struct plan_walk *walk, char byte) { return send(walk->sync, &byte, 1, MSG_NOSIGNAL) < 0 ? -1 : 0; }

/** Blocks until the other side has said `wanted`. */
static int await_byte(struct plan_walk *walk, char wanted) {
  for (;;) {
    char byte;
    int n = receive(walk, &byte);
    if (n < 0) return -1;
    if (n == 0) {
      errno = ECONNRESET;  // the other side is gone
      return -1;
    }
    if (byte == wanted) return 0;
    if (byte == PLAN_IS_HELD) {  // it waits for us, so it will never say what we wait for
      errno = EDEADLK;
      return -1;
    }
  }
}

static int excepted(const struct plan_op *op, int error) {
  for (int i = 0; i < op->excepts; i++) {
    if (op->except[i] == error) return 1;
  }
  return 0;
}

typedef int performer(struct plan_walk *walk, const struct plan_op *op);

/** Runs op `index` and measures it. `start` is when the one before ended. Returns when this one ended, or -1. */
static int64_t step(struct plan_walk *walk, uint32_t index, int64_t start, performer *perform) {
  const struct plan_op *op = &walk->plan->ops[index];
  struct plan_result *result = &walk->results[index];
  result->start = start;
  result->state = PLAN_RUNNING;
  int error = perform(walk, op) < 0 ? errno : 0;
  int64_t end = now();
  result->ns = end - start;
  result->error = error;
  result->state = error && !excepted(op, error) ? PLAN_FAILED : PLAN_DONE;
  return result->state == PLAN_FAILED ? -1 : end;
}

/** Waits for the descriptor that the child sends, unless it came along already. */
static int receive_fd(struct plan_walk *walk, uint64_t number) {
  while (walk->received < 0) {
    if (await_byte(walk, PLAN_SENDS_FD) < 0) return -1;
  }
  if (walk->slots[number] >= 0) close(walk->slots[number]);
  walk->slots[number] = walk->received;
  walk->received = -1;
  return 0;
}

/**
 * The child goes on as a child of the same parent, in the pid namespace that it has joined or unshared, and ends itself. The
 * new one waits until the parent has been told of it, so that nothing that it says comes before.
 */
static int fork_on(struct plan_walk *walk) {
  int pidfd = -1, told[2];
  if (pipe2(told, O_CLOEXEC) < 0) return -1;
  struct clone_args arguments = {.flags = CLONE_PARENT | CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd};
  long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) {
    int error = errno;
    close(told[0]);
    close(told[1]);
    errno = error;
    return -1;
  }
  if (pid > 0) {
    walk->results[walk->plan->count].start = pid;
    _exit(plan_send_fd(walk, walk->sync, pidfd, (const char[]){PLAN_FORKED, 0}) < 0 ? 127 : 0);
  }
  char byte;
  close(told[1]);
  while (read(told[0], &byte, 1) < 0 && errno == EINTR) continue;
  close(told[0]);
  return 0;
}

/** await, release and what else is a message between parent and child; everything else is plan_do. */
static int perform_op(struct plan_walk *walk, const struct plan_op *op) {
  if (op->code == PLAN_RELEASE) return tell(walk, PLAN_RELEASES);
  if (op->code == PLAN_RECV_FD) return receive_fd(walk, op->arg[0]);
  if (op->code == PLAN_FORK) return fork_on(walk);
  if (op->code == PLAN_AWAIT) {
    int held = walk->plan->held && op == &walk->plan->ops[walk->plan->last_await];
    return held && tell(walk, PLAN_IS_HELD) < 0 ? -1 : await_byte(walk, PLAN_RELEASES);
  }
  return plan_do(walk, op);
}

/** The lowest descriptor from `from` on that the child needs: its slots and its end of the socketpair. */
static unsigned lowest_needed(const struct plan_walk *walk, unsigned from) {
  unsigned lowest = ~0u;
  for (int i = -1; i < PLAN_SLOTS; i++) {
    int fd = i < 0 ? walk->sync : walk->slots[i];
    if (fd >= 0 && (unsigned)fd >= from && (unsigned)fd < lowest) lowest = (unsigned)fd;
  }
  return lowest;
}

// Before any path of the container is followed, because its working directory may be a link to /proc/self/fd/N, and one of
// the parent's descriptors is a directory of the host (CVE-2024-21626). Close-on-exec would come too late.
static void close_strangers(const struct plan_walk *walk) {
  for (unsigned from = 3;;) {
    unsigned keep = lowest_needed(walk, from);
    if (keep > from) syscall(SYS_close_range, from, keep - 1, 0);
    if (keep == ~0u) return;
    from = keep + 1;
  }
}

// Child: its own process, in the namespaces that clone3 made, with a copy of the parent's memory, descriptors and signal
// settings. Signals go back to their defaults before anything else, because execve keeps what is ignored and Node and the
// shim ignore some.
static void child_main(struct plan_walk *walk) {
  // The kernel's own call, because the C library's refuses the two signals that it keeps for itself, and its posix_spawn
  // leaves just these ignored. struct sigaction of the kernel: handler, flags, restorer, mask; all zero is SIG_DFL.
  const unsigned long fallback[4] = {0};
  for (int signal = 1; signal < NSIG; signal++) syscall(SYS_rt_sigaction, signal, fallback, NULL, 8);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  walk->child = 0;
  close_strangers(walk);
  int64_t time = now();
  for (uint32_t i = 0; i < walk->plan->count; i++) {
    if (walk->plan->ops[i].who != PLAN_CHILD) continue;
    time = step(walk, i, time, perform_op);
    if (time < 0) break;
  }
  _exit(127);
}

static int clone_child(struct plan_walk *walk, const struct plan_op *op) {
  const uint64_t shared = CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS;
  int pair[2];
  if (op->arg[0] & shared) {  // the child's slots and error numbers must be its own
    errno = EINVAL;
    return -1;
  }
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -1;
  struct clone_args arguments = {
      .flags = op->arg[0] | CLONE_PIDFD,
      .pidfd = (uint64_t)(uintptr_t)&walk->pidfd,
      .exit_signal = SIGCHLD,
  };
  if (op->arg[1] != PLAN_NONE) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = (uint64_t)walk->slots[op->arg[1]];
  }
  long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) {
    close(pair[0]);
    walk->sync = pair[1];
    child_main(walk);
  }
  int error = errno;
  close(pair[1]);
  if (pid < 0) {
    close(pair[0]);
    errno = error;
    return -1;
  }
  walk->sync = pair[0];
  walk->child = (pid_t)pid;
  return 0;
}

static int perform_parent(struct plan_walk *walk, const struct plan_op *op) {
  return op->code == PLAN_CLONE3 ? clone_child(walk, op) : perform_op(walk, op);
}

static void reap(struct plan_walk *walk) {
  if (walk->child <= 0) return;
  kill(walk->child, SIGKILL);
  while (waitpid(walk->child, NULL, 0) < 0 && errno == EINTR) continue;
  walk->child = 0;
}

/** The child's own failure explains why the parent's await ended, so it is looked for first. */
static int find_failed(struct plan_walk *walk, int fallback) {
  const struct plan *plan = walk->plan;
  for (uint32_t i = 0; i < plan->count; i++) {
    if (plan->ops[i].who == PLAN_CHILD && walk->results[i].state == PLAN_FAILED) return (int)i;
  }
  return fallback;
}

/** The last op that the parent can see, while it runs or after it worked: anything before means that the child was killed. */
static int find_interrupted(const struct plan_walk *walk) {
  for (uint32_t i = 0; i < walk->plan->count; i++) {
    const struct plan_op *op = &walk->plan->ops[i];
    if (op->who != PLAN_CHILD) continue;
    if (walk->results[i].state == PLAN_DONE) continue;
    int last = op->code == PLAN_EXECVE || op->code == PLAN_PAUSE || op->code == PLAN_AWAIT_FIFO;
    return last && walk->results[i].state == PLAN_RUNNING ? -1 : (int)i;
  }
  return -1;
}

/** The child's end of the socketpair is closed: by execve, or because the child is gone. Returns 0, or -1 as plan_begin does. */
static int settle(struct plan_walk *walk) {
  int64_t end = now();
  int failed = find_failed(walk, -1);
  if (failed < 0) {
    failed = find_interrupted(walk);
    if (failed >= 0) walk->results[failed].error = ECANCELED;
  }
  if (failed >= 0) {
    reap(walk);
    walk->failed = failed;
    return -1;
  }
  for (uint32_t i = 0; i < walk->plan->count; i++) {
    struct plan_result *result = &walk->results[i];
    if (walk->plan->ops[i].code == PLAN_EXECVE && result->state == PLAN_RUNNING) {
      result->ns = end - result->start;
      result->state = PLAN_DONE;
    }
  }
  return 0;
}

int plan_begin(struct plan_walk *walk) {
  int64_t time = now();
  for (uint32_t i = 0; i < walk->plan->count; i++) {
    if (walk->plan->ops[i].who != PLAN_PARENT) continue;
    time = step(walk, i, time, perform_parent);
    if (time >= 0) continue;
    reap(walk);
    walk->failed = find_failed(walk, (int)i);
    return -1;
  }
  if (walk->child <= 0) return 0;
  if (!walk->plan->held) return plan_release(walk);
  if (await_byte(walk, PLAN_IS_HELD) == 0) return 0;
  return settle(walk);
}

int plan_release(struct plan_walk *walk) {
  if (walk->plan->held) tell(walk, PLAN_RELEASES);  // of a child that is gone, settle knows more
  char byte;
  while (receive(walk, &byte) > 0) continue;
  return settle(walk);
}

static void close_once(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

void plan_close_slots(struct plan_walk *walk) {
  for (int i = 0; i < PLAN_SLOTS; i++) close_once(&walk->slots[i]);
}

void plan_close(struct plan_walk *walk) {
  plan_close_slots(walk);
  close_once(&walk->sync);
  close_once(&walk->pidfd);
  close_once(&walk->received);
}

void plan_free(struct plan_walk *walk) {
  if (walk->results && walk->results != MAP_FAILED) munmap(walk->results, results_size(walk->plan));
  walk->results = NULL;
}

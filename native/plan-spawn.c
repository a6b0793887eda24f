// The op `spawn`: a program that is run to its end: hooks of a container, newuidmap. Runs in the parent (which may be Node, with
// threads) and in the child between clone3 and execve: vfork, so that nothing is copied, and no malloc. The input is a file
// in memory, because a pipe would block on a program that does not read. vfork(2), memfd_create(2), pidfd_open(2), poll(2)

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "plan-op.h"
#include "text.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define MOST_ARGUMENTS 512
#define MARK "%child"

static int write_all(int fd, const char *data, size_t size) {
  while (size > 0) {
    ssize_t n = write(fd, data, size);
    if (n < 0 && errno != EINTR) return -1;
    if (n > 0) {
      data += n;
      size -= (size_t)n;
    }
  }
  return 0;
}

/** A file in memory with the input, at its start; -1 with errno. */
static int make_input(const char *input, size_t size, const char *pid) {
  int fd = memfd_create("input", MFD_CLOEXEC);
  if (fd < 0) return -1;
  const char *mark = memmem(input, size, MARK, strlen(MARK));
  size_t before = mark ? (size_t)(mark - input) : size;
  int result = write_all(fd, input, before);
  if (mark && result == 0) result = write_all(fd, pid, strlen(pid));
  if (mark && result == 0) result = write_all(fd, mark + strlen(MARK), size - before - strlen(MARK));
  if (result < 0 || lseek(fd, 0, SEEK_SET) < 0) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

/** Milliseconds that are left until `deadline` (CLOCK_MONOTONIC, seconds), at least 0. */
static int left(const struct timespec *deadline) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  int64_t ms = (deadline->tv_sec - t.tv_sec) * INT64_C(1000) + (deadline->tv_nsec - t.tv_nsec) / 1000000;
  return ms < 0 ? 0 : ms > 1 << 30 ? 1 << 30 : (int)ms;
}

/** Waits for the end of `pid`, at most `timeout` seconds where that is not 0. Returns as plan_spawn does. */
static int wait_for(pid_t pid, uint64_t timeout) {
  int late = 0, status = 0;
  if (timeout > 0) {
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += (time_t)timeout;
    struct pollfd end = {(int)syscall(SYS_pidfd_open, pid, 0), POLLIN, 0};
    int n;
    do n = poll(&end, 1, left(&deadline));
    while (n < 0 && errno == EINTR);
    late = n == 0;
    if (end.fd >= 0) close(end.fd);
    if (late) kill(pid, SIGKILL);
  }
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  if (late) {
    errno = ETIMEDOUT;
    return -1;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
  errno = PLAN_EXIT_STATUS + (WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
  return -1;
}

int plan_spawn(const struct plan_walk *walk, const uint64_t *arg) {
  char pid[24], *argv[MOST_ARGUMENTS + 1];
  *put_number(pid, (uint64_t)(walk->child > 0 ? walk->child : getpid()), 1) = 0;
  if (arg[2] > MOST_ARGUMENTS) {
    errno = E2BIG;
    return -1;
  }
  char *const *wanted = (char *const *)(uintptr_t)arg[1];
  for (uint64_t i = 0; i <= arg[2]; i++) argv[i] = wanted[i] && !strcmp(wanted[i], MARK) ? pid : wanted[i];
  int input = make_input((const char *)(uintptr_t)arg[5], arg[6], pid);
  if (input < 0) return -1;

  // The two share memory until execve, so the spawned one can say why it failed.
  volatile int failure = 0;
  pid_t spawned = vfork();
  if (spawned == 0) {
    const unsigned long fallback[4] = {0};  // SIG_DFL: what is ignored stays ignored over execve
    for (int signal = 1; signal < NSIG; signal++) syscall(SYS_rt_sigaction, signal, fallback, NULL, 8);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(input, 0);
    dup2(2, 1);
    syscall(SYS_close_range, 3, ~0u, 0);
    execve((const char *)(uintptr_t)arg[0], argv, (char *const *)(uintptr_t)arg[3]);
    failure = errno;
    _exit(127);
  }
  int error = errno;
  close(input);
  if (spawned < 0) {
    errno = error;
    return -1;
  }
  int result = wait_for(spawned, arg[7]);
  if (failure) {
    errno = failure;
    return -1;
  }
  return result;
}

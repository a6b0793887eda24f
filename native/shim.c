// punnet-shim: the parent of one container's init. It walks the plan, holds the container's streams, writes its log, serves
// attached clients and records how init ended. Started by the daemon, as root of the daemon's user namespace, in its mount
// namespace until the plan makes a new one; it outlives the daemon and ends with the container.
// The contract is src/native/shim-protocol.ts. poll(2), signalfd(2), unix(7)

#include "shim.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forward.h"
#include "text.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define DRAIN_MS 1000

static struct shim shim_state;  // in .bss: pages that are never touched cost nothing

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

_Noreturn static void finish(struct shim *shim, int code) {
  if (shim->socket.name) unlinkat(shim->socket.dirfd, shim->socket.name, 0);
  _exit(code);
}

void fatal(struct shim *shim, const char *what) {
  complain(what, errno);
  if (shim->walk.child > 0) kill(shim->walk.child, SIGKILL);
  finish(shim, 1);
}

static void tell_all(struct shim *shim, enum from_shim type, int words, uint32_t first, uint32_t second) {
  for (int i = 0; i < MAX_CLIENTS; i++) client_tell(shim, &shim->clients[i], type, words, first, second);
}

/** The plan failed: nothing of the container is left, so the shim ends as soon as everyone knows. */
static void fail(struct shim *shim) {
  int failed = shim->walk.failed;
  write_report(shim);
  shim->started = 1;  // it will never be
  shim->exited = shim->recorded = shim->ending = 1;
  shim->init = 0;
  tell_all(shim, F_FAILED, 2, (uint32_t)failed, (uint32_t)shim->walk.results[failed].error);
}

void shim_start(struct shim *shim) {
  if (shim->started || shim->exited) return;
  if (plan_release(&shim->walk) < 0) {
    fail(shim);
    return;
  }
  shim->started = 1;
  if (shim->explain) write_report(shim);
  plan_free(&shim->walk);
  munmap(shim->plan_bytes, shim->plan_size);
  tell_all(shim, F_STARTED, 0, 0, 0);
}

void shim_kill(struct shim *shim, int signal) {
  if (shim->init > 0 && !shim->exited) kill(shim->init, signal);
}

/* life */

/** Before the start, a child that is gone means that the plan failed where it stood. */
static void reap(struct shim *shim) {
  struct signalfd_siginfo info;
  while (read(shim->signals, &info, sizeof info) > 0) continue;
  if (!shim->started) {
    siginfo_t child = {0};
    if (waitid(P_PID, (id_t)shim->init, &child, WEXITED | WNOHANG | WNOWAIT) == 0 && child.si_pid) shim_start(shim);
    return;
  }
  for (;;) {
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);  // also orphans of a container that shares our pid namespace
    if (pid <= 0) return;
    if (pid != shim->init) continue;
    shim->exited = 1;
    shim->exit_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    shim->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    clock_gettime(CLOCK_REALTIME, &shim->finished);
    shim->deadline = now_ms() + DRAIN_MS;
    input_close(shim);
    // What the container wrote last is in the pipes already; one read more finds their end.
    for (int i = 0; i < 2; i++) output_read(shim, i);
  }
}

static int drained(struct shim *shim) {
  if (shim->chunk_size > 0) return 0;
  if (now_ms() >= shim->deadline) {
    // Someone outside still holds the pipes: take what is in them now and wait no longer.
    for (int i = 0; i < 2; i++) {
      output_read(shim, i);
      if (shim->chunk_size > 0) return 0;
      shim->output[i] = -1;
    }
  }
  return shim->output[0] < 0 && shim->output[1] < 0;
}

static void record(struct shim *shim) {
  if (shim->recorded) return;
  shim->recorded = 1;
  if (write_exit(shim) < 0) complain("write exit", errno);
}

/** The end is on disk before anyone hears of it. A client that still has output to read hears of it after that. */
static void conclude(struct shim *shim) {
  int done = drained(shim);
  if (!done && now_ms() < shim->deadline) return;
  if (done) log_end(&shim->log);
  record(shim);
  for (int i = 0; i < MAX_CLIENTS; i++) {
    struct client *client = &shim->clients[i];
    if (client->fd < 0 || client->told_exit || (!done && client->subscribed)) continue;
    client->told_exit = 1;
    client_tell(shim, client, F_EXIT, 2, (uint32_t)shim->exit_code, (uint32_t)shim->exit_signal);
  }
  if (done) shim->ending = 1;
}

static int idle(const struct shim *shim) {
  for (int i = 0; i < MAX_CLIENTS; i++) {
    if (shim->clients[i].fd >= 0 && client_pending(shim, &shim->clients[i])) return 0;
  }
  return 1;
}

static struct pollfd *watch(struct pollfd *to, int fd, short events) {
  *to = (struct pollfd){.fd = events ? fd : -1, .events = events};
  return to + 1;
}

static void turn(struct shim *shim) {
  struct pollfd polls[MAX_CLIENTS + 5], *end = polls;
  int quiet = shim->chunk_size == 0;
  end = watch(end, shim->signals, POLLIN);
  end = watch(end, shim->listener, shim->ending ? 0 : POLLIN);
  for (int i = 0; i < 2; i++) end = watch(end, shim->output[i], quiet && shim->started ? POLLIN : 0);
  end = watch(end, shim->input, shim->stdin_size > 0 ? POLLOUT : 0);
  for (int i = 0; i < MAX_CLIENTS; i++) {
    const struct client *client = &shim->clients[i];
    int reads = client->fd >= 0 && !shim->ending && !client_blocked(shim, client);
    int writes = client->fd >= 0 && client_pending(shim, client);
    end = watch(end, client->fd, (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)));
  }
  int timeout = -1;
  if (shim->exited && !shim->ending && !shim->recorded) {
    int64_t left = shim->deadline - now_ms();
    timeout = left > 0 ? (int)left : 0;
  }
  if (poll(polls, (nfds_t)(end - polls), timeout) < 0 && errno != EINTR) fatal(shim, "poll");

  for (int i = 0; i < MAX_CLIENTS; i++) {
    struct client *client = &shim->clients[i];
    short events = polls[5 + i].revents;
    if (client->fd >= 0 && events & (POLLOUT | POLLERR | POLLHUP)) client_flush(shim, client), chunk_settle(shim);
    if (client->fd >= 0 && events & (POLLIN | POLLHUP) && polls[5 + i].events & POLLIN) client_read(shim, client);
  }
  if (polls[4].revents) input_write(shim);
  for (int i = 0; i < 2; i++) {
    if (polls[2 + i].revents) output_read(shim, i);
  }
  if (polls[0].revents) reap(shim);
  if (polls[1].revents) {
    int fd = accept4(shim->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) client_add(shim, fd);
  }
  if (shim->exited && !shim->ending) conclude(shim);
}

/**
 * Says that no more comes and lets the clients close first: one that writes to a closed socket gets EPIPE, and what it had
 * not read yet may be lost with the connection. Who does not close has a second.
 */
static void part(struct shim *shim) {
  char ignored[4096];
  int64_t deadline = now_ms() + DRAIN_MS;
  for (int i = 0; i < MAX_CLIENTS; i++) {
    if (shim->clients[i].fd >= 0) shutdown(shim->clients[i].fd, SHUT_WR);
  }
  for (;;) {
    struct pollfd polls[MAX_CLIENTS];
    int open = 0;
    for (int i = 0; i < MAX_CLIENTS; i++) {
      struct client *client = &shim->clients[i];
      ssize_t n = 1;
      if (client->fd >= 0) n = recv(client->fd, ignored, sizeof ignored, MSG_DONTWAIT);
      if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) client_drop(shim, client);
      polls[i] = (struct pollfd){.fd = client->fd, .events = POLLIN};
      open += client->fd >= 0;
    }
    int64_t left = deadline - now_ms();
    if (open == 0 || left <= 0 || (poll(polls, MAX_CLIENTS, (int)left) < 0 && errno != EINTR)) return;
  }
}

static int hold(void) {
  if (chdir("/") < 0) return 1;
  syscall(SYS_close_range, 0, ~0u, 0);
  for (;;) pause();
}

int main(int argc, char **argv) {
  const char *name = argc > 0 && strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
  if (argc > 0 && !strcmp(name, "docker-init")) return init_main(argc, argv);
  if (argc == 2 && !strcmp(argv[1], "hold")) return hold();
  if (argc > 2 && !strcmp(argv[1], "sealed")) return sealed_main(argv + 2);
  if (argc == 3 && !strcmp(argv[1], "forward")) return forward_main(argv[2]);

  struct shim *shim = &shim_state;
  shim_setup(shim, argv);
  if (plan_begin(&shim->walk) < 0) {
    fail(shim);
  } else {
    plan_close_slots(&shim->walk);
    shim->init = shim->walk.child;
    adopt_terminal(shim);
    hold_root(shim);
    if (write_pid(shim) < 0) fatal(shim, "write pid");
    client_tell(shim, &shim->clients[0], F_READY, 1, (uint32_t)shim->init, 0);
    if (!shim->plan.held) shim_start(shim);
  }
  while (!shim->ending || !idle(shim)) turn(shim);
  // Its overlay ends here, which syncs a file system: after everyone knows of the exit, and before our hanging up says that the
  // writable layer is free.
  if (shim->root >= 0) close(shim->root);
  part(shim);
  finish(shim, shim->walk.failed >= 0);
}

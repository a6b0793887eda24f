// The shim before it walks its plan: arguments, descriptors, signals, plan, socket, pipes. A *spare* shim does what needs no
// container first and then waits for its arguments, so that a start finds a process that is there already.
// Runs in the shim, single-threaded; what fails here ends it. signalfd(2), unix(7), pipe(2)

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "shim.h"
#include "text.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define CONTROL_FD 3
#define MOST_ARGUMENTS 40

/* arguments */

/**
 * Arguments of a spare shim come in one frame, once there is a container for it, and go where the kernel shows those from that
 * it was started with: ps(1) tells whose shim it is. Returns where they are.
 */
static char **receive_arguments(char **argv) {
  static char *arguments[MOST_ARGUMENTS + 1];
  unsigned char head[FRAME_HEADER];
  size_t room = (size_t)(argv[1] - argv[0]) + strlen(argv[1]);
  ssize_t n = recv(CONTROL_FD, head, sizeof head, MSG_WAITALL);
  if (n == 0) _exit(0);  // the daemon ended without a container for us
  size_t size = (size_t)head[4] << 24 | (size_t)head[5] << 16 | (size_t)head[6] << 8 | head[7];
  if (n != sizeof head || head[0] != T_ARGUMENTS || size > room) complain("arguments", EPROTO), _exit(2);
  memset(argv[0], 0, room);
  if (recv(CONTROL_FD, argv[0], size, MSG_WAITALL) != (ssize_t)size) complain("arguments", EPROTO), _exit(2);
  int count = 0;
  for (char *at = argv[0]; at < argv[0] + size; at += strlen(at) + 1) {
    if (count == MOST_ARGUMENTS) complain("arguments", E2BIG), _exit(2);
    arguments[count++] = at;
  }
  return arguments;
}

static const char *next(char ***argv) {
  const char *option = **argv;
  if (!*++*argv) {
    complain(option, EINVAL);
    _exit(2);
  }
  return **argv;
}

static int64_t number(char ***argv, int64_t most) {
  const char *option = **argv;
  int64_t value = parse_number(next(argv), most);
  if (value >= 0) return value;
  complain(option, EINVAL);
  _exit(2);
}

struct options {
  const char *dir, *listen, *exit, *log, *input;
  int attributes;
};

static struct options parse(struct shim *shim, char **argv) {
  struct options options = {.input = "null"};
  shim->log = (struct log){.max_size = -1, .max_files = 1};
  for (; *argv; argv++) {
    if (!strcmp(*argv, "--dir")) options.dir = next(&argv);
    else if (!strcmp(*argv, "--listen")) options.listen = next(&argv);
    else if (!strcmp(*argv, "--exit")) options.exit = next(&argv);
    else if (!strcmp(*argv, "--log")) options.log = next(&argv);
    else if (!strcmp(*argv, "--stdin")) options.input = next(&argv);
    else if (!strcmp(*argv, "--log-max-size")) shim->log.max_size = number(&argv, INT64_MAX / 16);
    else if (!strcmp(*argv, "--log-max-file")) shim->log.max_files = (int)number(&argv, 1000);
    else if (!strcmp(*argv, "--log-attributes")) options.attributes = 1;
    else if (!strcmp(*argv, "--rows")) shim->rows = (int)number(&argv, UINT16_MAX);
    else if (!strcmp(*argv, "--cols")) shim->cols = (int)number(&argv, UINT16_MAX);
    else if (!strcmp(*argv, "--tty")) shim->tty = 1;
    else if (!strcmp(*argv, "--explain")) shim->explain = 1;
    else if (!strcmp(*argv, "--hold-root")) shim->holds_root = 1;
    else {
      complain(*argv, EINVAL);
      _exit(2);
    }
  }
  shim->stdin_mode = !strcmp(options.input, "once") ? STDIN_ONCE : !strcmp(options.input, "open") ? STDIN_OPEN : STDIN_NULL;
  if (shim->stdin_mode == STDIN_NULL && strcmp(options.input, "null")) complain("--stdin", EINVAL), _exit(2);
  if (!options.dir || !options.listen) complain("--dir and --listen are needed", EINVAL), _exit(2);
  return options;
}

/* set-up */

/** 0, 1 and 2 exist, 3 is the control connection or nothing, and nothing else came along. */
static void tidy_descriptors(struct shim *shim) {
  for (int fd = 0; fd < 3; fd++) {
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) _exit(2);
  }
  syscall(SYS_close_range, CONTROL_FD + 1, ~0u, 0);
  for (int i = 0; i < MAX_CLIENTS; i++) shim->clients[i].fd = -1;
  if (fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC) == 0) shim->clients[0].fd = CONTROL_FD;
}

static void block_signals(struct shim *shim) {
  sigset_t all, children;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);  // the container ends by signals to its init, never by one to its shim
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  shim->signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  if (shim->signals < 0) fatal(shim, "signalfd");
}

static void load_plan(struct shim *shim) {
  int fd = openat(shim->dir, "plan", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) < 0) fatal(shim, "open plan");
  if (st.st_size <= 0 || st.st_size > (off_t)PLAN_MAX_BYTES) errno = EINVAL, fatal(shim, "plan of a wrong size");
  shim->plan_size = (size_t)st.st_size;
  shim->plan_bytes = mmap(NULL, shim->plan_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (shim->plan_bytes == MAP_FAILED) fatal(shim, "mmap plan");
  for (size_t done = 0; done < shim->plan_size;) {
    ssize_t n = read(fd, (char *)shim->plan_bytes + done, shim->plan_size - done);
    if (n <= 0) fatal(shim, "read plan");
    done += (size_t)n;
  }
  close(fd);
  const char *why = plan_load(&shim->plan, shim->plan_bytes, shim->plan_size);
  if (why) errno = EINVAL, fatal(shim, why);
  if (plan_open(&shim->walk, &shim->plan) < 0) fatal(shim, "mmap report");
}

/** They lie in a file beside the plan: labels may be longer than arguments. */
static void load_attributes(struct shim *shim) {
  int fd = openat(shim->dir, "log-attributes", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0) fatal(shim, "open log-attributes");
  const char *text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (text == MAP_FAILED) fatal(shim, "mmap log-attributes");
  close(fd);
  shim->log.attributes = text;
  shim->log.attributes_size = (size_t)st.st_size;
}

static void listen_on(struct shim *shim, const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) errno = ENAMETOOLONG, fatal(shim, "socket");
  strcpy(address.sun_path, path);
  struct place place;
  if (open_place(&place, path) < 0) fatal(shim, "open socket directory");
  shim->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  unlinkat(place.dirfd, place.name, 0);  // of a shim that was killed
  mode_t mask = umask(0177);
  int result = bind(shim->listener, (struct sockaddr *)&address, sizeof address);
  umask(mask);
  if (result == 0) shim->socket = place;
  if (result < 0 || listen(shim->listener, 64) < 0) fatal(shim, "listen");
}

static void nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

/** The container's ends go into slots 0, 1 and 2; ours do not block. With a terminal, the child makes it and sends the master. */
static void make_pipes(struct shim *shim) {
  int pipes[3][2];
  shim->input = shim->output[0] = shim->output[1] = shim->master = -1;
  if (shim->tty) return;
  for (int i = 0; i < 3; i++) {
    if (i == 0 && shim->stdin_mode == STDIN_NULL) {
      shim->walk.slots[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
      if (shim->walk.slots[0] < 0) fatal(shim, "open /dev/null");
      continue;
    }
    if (pipe2(pipes[i], O_CLOEXEC) < 0) fatal(shim, "pipe");
    shim->walk.slots[i] = pipes[i][i > 0];
    nonblocking(pipes[i][i == 0]);
    if (i == 0) shim->input = pipes[0][1];
    else shim->output[i - 1] = pipes[i][0];
  }
}

void adopt_terminal(struct shim *shim) {
  if (!shim->tty) return;
  shim->master = shim->walk.received;
  shim->walk.received = -1;
  if (shim->master < 0) errno = ENOTTY, fatal(shim, "the plan sent no terminal");
  nonblocking(shim->master);
  shim->output[0] = shim->master;
  if (shim->stdin_mode != STDIN_NULL) shim->input = shim->master;
  struct winsize size = {.ws_row = (unsigned short)shim->rows, .ws_col = (unsigned short)shim->cols};
  if (shim->rows || shim->cols) ioctl(shim->master, TIOCSWINSZ, &size);
}

void hold_root(struct shim *shim) {
  char path[64];
  if (!shim->holds_root) return;
  *put_text(put_number(put_text(path, "/proc/"), (uint64_t)shim->init, 1), "/root") = 0;
  shim->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);  // of an init that was killed by now, the mount has ended
}

void shim_setup(struct shim *shim, char **argv) {
  tidy_descriptors(shim);
  shim->root = -1;
  setsid();
  // A container that shares our pid namespace may have our user id: it must not read our memory or follow our descriptors
  // through /proc (CVE-2019-5736). execve makes its own process dumpable again.
  prctl(PR_SET_DUMPABLE, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  block_signals(shim);
  int spare = argv[1] && !strcmp(argv[1], "spare") && argv[2];
  struct options options = parse(shim, spare ? receive_arguments(argv + 1) : argv + 1);
  shim->dir = open(options.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (shim->dir < 0) fatal(shim, "open --dir");
  if (spare) complain_in(shim->dir);
  if (options.exit && open_place(&shim->exit, options.exit) < 0) fatal(shim, "open directory of --exit");
  load_plan(shim);
  listen_on(shim, options.listen);
  if (options.attributes) load_attributes(shim);
  log_open(&shim->log, options.log);
  make_pipes(shim);
}

// docker-init: pid 1 of a container run with --init. It starts the program, forwards every signal to it, reaps orphans and
// ends as the program ended. Runs inside the container, as the container's user; bind-mounted there from punnet-shim. The
// messages are tini's, which Docker's users know. signal(7), wait(2)

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim.h"
#include "text.h"

extern char **environ;

static void say(const char *program, int error) {
  char line[4400], *end = put_text(line, "[FATAL tini (");
  end = put_text(put_number(end, (uint64_t)getpid(), 1), ")] exec ");
  size_t length = strlen(program);
  if (length > 4096) length = 4096;
  memcpy(end, program, length);
  end = put_text(end + length, " failed: ");
  end = put_text(end, strerror(error));
  *end++ = '\n';
  if (write(2, line, (size_t)(end - line)) < 0) return;  // stderr is closed: the exit code says it
}

static pid_t start(char **argv, const sigset_t *before) {
  pid_t pid = fork();
  if (pid != 0) return pid;
  // A group of its own in the foreground, so that the terminal's signals reach the program once and not through us.
  setpgid(0, 0);
  if (isatty(0)) tcsetpgrp(0, getpid());
  signal(SIGTTIN, SIG_DFL);
  signal(SIGTTOU, SIG_DFL);
  sigprocmask(SIG_SETMASK, before, NULL);
  execvp(argv[0], argv);
  int error = errno;
  say(argv[0], error);
  _exit(error == ENOENT ? 127 : error == EACCES ? 126 : 1);
}

/** Reaps everything that has ended; returns the program's exit code, or -1 while it runs. */
static int reap_all(pid_t program) {
  int code = -1, status;
  for (;;) {
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return code;
    if (pid == program) code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
}

int init_main(int argc, char **argv) {
  argv++;
  if (argc > 1 && !strcmp(*argv, "--")) argv++;
  if (!*argv) return 1;
  sigset_t caught, before;
  sigfillset(&caught);
  // These are raised by a fault of our own; blocked, they would only end us without a word.
  const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&caught, faults[i]);
  sigprocmask(SIG_SETMASK, &caught, &before);
  signal(SIGTTIN, SIG_IGN);
  signal(SIGTTOU, SIG_IGN);
  pid_t program = start(argv, &before);
  if (program < 0) return 1;
  for (;;) {
    siginfo_t info;
    int number = sigwaitinfo(&caught, &info);
    if (number < 0) continue;
    if (number != SIGCHLD) kill(program, number);
    int code = reap_all(program);
    if (code >= 0) return code;
  }
}

// The files that outlive the shim: pid, exit, report, each by write-then-rename so that a reader after kill -9 sees all or
// nothing. Runs in the shim; their directories were opened before the plan could move mounts. rename(2), proc_pid_stat(5)

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shim.h"
#include "text.h"

static int complaints = -1;

void complain_in(int dirfd) { complaints = dirfd; }

void complain(const char *what, int error) {
  char line[256], *end = put_text(line, "punnet-shim: ");
  const char *name = strerrorname_np(error);
  size_t room = 128;
  size_t length = strlen(what);
  memcpy(end, what, length < room ? length : room);
  end += length < room ? length : room;
  end = put_text(end, ": ");
  if (name) end = put_text(end, name);
  else end = put_signed(put_text(end, "errno "), error);
  *end++ = '\n';
  int fd = complaints < 0 ? 2 : openat(complaints, "shim.err", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (write(fd, line, (size_t)(end - line)) < 0) return;  // nobody is left to tell
  if (fd != 2) close(fd);
}

int open_place(struct place *place, const char *path) {
  char directory[4096];
  const char *slash = strrchr(path, '/');
  place->name = slash ? slash + 1 : path;
  size_t length = slash ? (size_t)(slash - path) : 0;
  if (length >= sizeof directory || !*place->name) {
    errno = length ? ENAMETOOLONG : EINVAL;
    return -1;
  }
  memcpy(directory, path, length);
  directory[length] = 0;
  place->dirfd = open(length ? directory : slash ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  return place->dirfd < 0 ? -1 : 0;
}

int write_state(int dirfd, const char *name, const char *text, size_t size) {
  char temporary[64];
  if (strlen(name) > 48) {
    errno = ENAMETOOLONG;
    return -1;
  }
  *put_text(put_text(temporary, name), ".shim.tmp") = 0;
  int fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -1;
  ssize_t written = write(fd, text, size);
  int error = written < 0 ? errno : (size_t)written < size ? ENOSPC : 0;
  close(fd);
  if (!error && renameat(dirfd, temporary, dirfd, name) < 0) error = errno;
  if (error) unlinkat(dirfd, temporary, 0);
  errno = error;
  return error ? -1 : 0;
}

/** Field 22 of /proc/PID/stat, which makes a pid unique; 0 when there is no such process. */
static uint64_t start_time(pid_t pid) {
  char path[64], stat[1024];
  *put_text(put_number(put_text(path, "/proc/"), (uint64_t)pid, 1), "/stat") = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t n = read(fd, stat, sizeof stat - 1);
  close(fd);
  if (n <= 0) return 0;
  stat[n] = 0;
  // The name may hold spaces and parentheses; nothing after the last one does. What follows is field 3.
  const char *at = strrchr(stat, ')');
  for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
  uint64_t time = 0;
  if (at) {
    for (at++; *at >= '0' && *at <= '9'; at++) time = time * 10 + (uint64_t)(*at - '0');
  }
  return time;
}

int write_pid(struct shim *shim) {
  char text[96], *end = put_number(text, (uint64_t)shim->init, 1);
  *end++ = ' ';
  end = put_number(end, start_time(shim->init), 1);
  *end++ = ' ';
  end = put_number(end, (uint64_t)getpid(), 1);
  *end++ = ' ';
  end = put_number(end, start_time(getpid()), 1);
  *end++ = '\n';
  return write_state(shim->dir, "pid", text, (size_t)(end - text));
}

int write_exit(struct shim *shim) {
  if (!shim->exit.name) return 0;
  char text[160], *end = put_number(put_text(text, "{\"exitCode\":"), (uint64_t)shim->exit_code, 1);
  end = put_number(put_text(end, ",\"signal\":"), (uint64_t)shim->exit_signal, 1);
  end = put_time(put_text(end, ",\"finishedAt\":\""), shim->finished, 0);
  end = put_text(end, "\"}\n");
  return write_state(shim->exit.dirfd, shim->exit.name, text, (size_t)(end - text));
}

void write_report(struct shim *shim) {
  int fd = openat(shim->dir, "report.shim.tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    complain("write report", errno);
    return;
  }
  char text[4096], *end = text;
  int failed = 0;
  for (uint32_t i = 0; i < shim->plan.count; i++) {
    const struct plan_result *result = &shim->walk.results[i];
    if (result->state != PLAN_UNRUN) {
      end = put_number(end, i, 1);
      *end++ = ' ';
      end = put_signed(end, result->error);
      *end++ = ' ';
      end = put_signed(end, result->ns);
      *end++ = '\n';
    }
    if ((i + 1 == shim->plan.count || text + sizeof text - end < 64) && write(fd, text, (size_t)(end - text)) < end - text) failed = 1;
    if (text + sizeof text - end < 64) end = text;
  }
  close(fd);
  if (failed || renameat(shim->dir, "report.shim.tmp", shim->dir, "report") < 0) {
    complain("write report", failed ? ENOSPC : errno);
    unlinkat(shim->dir, "report.shim.tmp", 0);
  }
}

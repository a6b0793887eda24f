// The op `copy_tree`: what is under a mount point goes into the tmpfs that covers it (tmpcopyup). Runs in the child between
// clone3 and execve, as root of its user namespace: no malloc, nothing followed out of the two directories, since the
// content is the image's. openat(2), getdents64(2), copy_file_range(2), path_resolution(7)

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "plan-op.h"

// Each level has its buffers on the stack, which is 8 MB.
#define DEEPEST 128
#define BUFFER 16384

struct entry {
  uint64_t ino;
  int64_t off;
  unsigned short length;
  unsigned char type;
  char name[];
};

static int copy_content(int from, int to, int depth);

static int set_attributes(int fd, const struct stat *st) {
  const struct timespec times[2] = {st->st_atim, st->st_mtim};
  if (fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0) return -1;
  return futimens(fd, times);
}

static int copy_bytes(int from, int to) {
  char buffer[BUFFER];
  for (;;) {
    ssize_t n = read(from, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return (int)n;
    for (ssize_t done = 0; done < n;) {
      ssize_t written = write(to, buffer + done, (size_t)(n - done));
      if (written < 0 && errno != EINTR) return -1;
      if (written > 0) done += written;
    }
  }
}

/** Opens `name` on both sides, copies what it holds and what it is. */
static int copy_opened(int from, int to, const char *name, const struct stat *st, int depth) {
  int directory = S_ISDIR(st->st_mode);
  if (directory && mkdirat(to, name, 0700) < 0) return -1;
  int source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (directory ? O_DIRECTORY : O_NONBLOCK));
  if (source < 0) return -1;
  int flags = directory ? O_RDONLY | O_DIRECTORY : O_WRONLY | O_CREAT | O_EXCL;
  int target = openat(to, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
  int result = target < 0 ? -1 : directory ? copy_content(source, target, depth + 1) : copy_bytes(source, target);
  if (result == 0) result = set_attributes(target, st);
  int error = errno;
  close(source);
  if (target >= 0) close(target);
  errno = error;
  return result;
}

static int copy_link(int from, int to, const char *name, const struct stat *st) {
  char target[4096];
  ssize_t length = readlinkat(from, name, target, sizeof target - 1);
  if (length < 0) return -1;
  target[length] = 0;
  if (symlinkat(target, to, name) < 0) return -1;
  return fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);
}

static int copy_node(int to, const char *name, const struct stat *st) {
  // A device in a user namespace: it is not made, as nobody there could have.
  if (mknodat(to, name, st->st_mode, st->st_rdev) < 0) return errno == EPERM ? 0 : -1;
  return fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);
}

static int copy_entry(int from, int to, const char *name, int depth) {
  struct stat st;
  if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return -1;
  if (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)) return copy_opened(from, to, name, &st, depth);
  return S_ISLNK(st.st_mode) ? copy_link(from, to, name, &st) : copy_node(to, name, &st);
}

static int copy_content(int from, int to, int depth) {
  _Alignas(struct entry) char buffer[BUFFER];
  if (depth > DEEPEST) {
    errno = ELOOP;
    return -1;
  }
  for (;;) {
    long size = syscall(SYS_getdents64, from, buffer, sizeof buffer);
    if (size <= 0) return (int)size;
    for (long at = 0; at < size;) {
      const struct entry *entry = (const struct entry *)(const void *)(buffer + at);
      at += entry->length;
      if (!strcmp(entry->name, ".") || !strcmp(entry->name, "..")) continue;
      if (copy_entry(from, to, entry->name, depth) < 0) return -1;
    }
  }
}

int plan_copy_tree(int from, int to) {
  // The slot is a path alone (O_PATH); reading needs a description of its own.
  int source = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat st;
  if (source < 0) return -1;
  int result = fstat(source, &st) < 0 ? -1 : copy_content(source, to, 0);
  if (result == 0) result = set_attributes(to, &st);
  int error = errno;
  close(source);
  errno = error;
  return result;
}

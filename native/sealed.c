// Becomes another program through a read-only mount of its file, which has no place in any tree. So nobody who gets hold of it by
// /proc/PID/exe, as the process that a container begins as can be got hold of, writes to the file (CVE-2019-5736).
// Runs as the caller, in the caller's namespaces. open_tree(2), mount_setattr(2), execveat(2)

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim.h"

extern char **environ;

/** A read-only mount of the file at `path`, as a descriptor; -1 with errno. */
static int read_only(const char *path) {
  int fd = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (fd < 0) return -1;
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
  if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

/** Writes where `name` is in `PATH` to `path`, which has `size` bytes; returns it, or null. As execvp(3) looks for it. */
static const char *find(const char *name, char *path, size_t size) {
  if (strchr(name, '/')) return name;
  const char *list = getenv("PATH");
  for (const char *at = list ? list : "/usr/bin:/bin"; at; at = strchr(at, ':'), at = at ? at + 1 : NULL) {
    size_t length = strcspn(at, ":");
    if (length == 0 || length + strlen(name) + 2 > size) continue;
    memcpy(path, at, length);
    path[length] = '/';
    strcpy(path + length + 1, name);
    if (access(path, X_OK) == 0) return path;
  }
  return NULL;
}

int sealed_main(char **argv) {
  char found[4096];
  const char *path = find(argv[0], found, sizeof found);
  if (!path) {
    complain(argv[0], ENOENT);
    return 127;
  }
  int fd = read_only(path);
  // Who may not mount is not root here, and so is not the owner of what root installed.
  if (fd >= 0) execveat(fd, "", argv, environ, AT_EMPTY_PATH);
  else if (errno == EPERM) execv(path, argv);
  complain(path, errno);
  return 126;
}

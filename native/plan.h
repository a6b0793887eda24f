// A plan: a list of ops, each about one system call, encoded by src/native/plan.ts and walked here. The parent (the shim, or
// Node through the addon) runs its own ops; after clone3 the child runs the others until execve. Between clone3 and execve
// the child allocates nothing and calls nothing that takes a lock: the parent may have had threads. clone(2), signal-safety(7)
//
// Bytes, little-endian as the machine:  header 16 | ops 80 each | vectors, blobs, strings | one zero byte
//   header  u32 magic "PNT1", u32 size of everything, u32 number of ops, u32 zero
//   op      u16 code, u8 who, u8 number of excepted errnos, u16 excepted[6], u64 arguments[8]
// A string is an offset; a vector, blob or id list is an offset and a count. Nothing is trusted: plan_load checks every
// offset before it turns it into a pointer.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PLAN_MAGIC 0x31544e50u
#define PLAN_SLOTS 128
#define PLAN_MAX_BYTES (16u << 20)
#define PLAN_MAX_OPS 65535u
#define PLAN_NONE UINT64_MAX
#define PLAN_EXIT_STATUS 4096  // added to what a spawned program ended with, where an errno stands

// Kinds of arguments: u number, s string, n string or null, f slot, g slot or none; and of two words each:
// v vector of strings, b bytes, i list of u32.
#define PLAN_OPS(X)                                \
  X(UNSHARE, "unshare", "u")                       \
  X(CLONE3, "clone3", "ug")                        \
  X(FORK, "fork", "")                              \
  X(PIDFD_OPEN, "pidfd_open", "uf")                \
  X(SETNS, "setns", "fu")                          \
  X(AWAIT, "await", "")                            \
  X(RELEASE, "release", "")                        \
  X(OPEN, "open", "suuf")                          \
  X(OPENAT2, "openat2", "gsuuuf")                  \
  X(CLOSE, "close", "f")                           \
  X(CLOSE_RANGE, "close_range", "uuu")             \
  X(DUP2, "dup2", "fu")                            \
  X(WRITE_FILE, "write_file", "sb")                \
  X(MKDIR, "mkdir", "su")                          \
  X(MKNOD, "mknod", "suu")                         \
  X(SYMLINK, "symlink", "ss")                      \
  X(CHMOD, "chmod", "su")                          \
  X(CHOWN, "chown", "suu")                         \
  X(FCHOWN, "fchown", "fuu")                       \
  X(CHDIR, "chdir", "s")                           \
  X(FCHDIR, "fchdir", "f")                         \
  X(CHROOT, "chroot", "s")                         \
  X(MOUNT, "mount", "nsnung")                      \
  X(UMOUNT2, "umount2", "su")                      \
  X(OPEN_TREE, "open_tree", "gsuf")                \
  X(COPY_TREE, "copy_tree", "fs")                  \
  X(MOVE_MOUNT, "move_mount", "fng")               \
  X(MOUNT_SETATTR, "mount_setattr", "gnuuuug")     \
  X(PIVOT_ROOT, "pivot_root", "ss")                \
  X(SETHOSTNAME, "sethostname", "s")               \
  X(SETDOMAINNAME, "setdomainname", "s")           \
  X(LINK_UP, "link_up", "s")                       \
  X(MOVE_LINK, "move_link", "ss")                  \
  X(ADD_ADDRESS, "add_address", "sbu")             \
  X(SETSID, "setsid", "")                          \
  X(IOCTL, "ioctl", "fuuug")                       \
  X(SEND_FD, "send_fd", "fgn")                     \
  X(RECV_FD, "recv_fd", "f")                       \
  X(CONNECT, "connect", "sf")                      \
  X(SETRLIMIT, "setrlimit", "uuu")                 \
  X(SCHED_SETATTR, "sched_setattr", "uuuuuuu")     \
  X(SCHED_SETAFFINITY, "sched_setaffinity", "b")   \
  X(IOPRIO_SET, "ioprio_set", "u")                 \
  X(SET_MEMPOLICY, "set_mempolicy", "ub")          \
  X(UMASK, "umask", "u")                           \
  X(PRCTL, "prctl", "uuuuu")                       \
  X(CAPBSET, "capbset", "u")                       \
  X(CAPSET, "capset", "uuu")                       \
  X(AMBIENT, "ambient", "u")                       \
  X(SETGROUPS, "setgroups", "i")                   \
  X(SETRESGID, "setresgid", "u")                   \
  X(SETRESUID, "setresuid", "u")                   \
  X(SECCOMP, "seccomp", "ubg")                     \
  X(PERSONALITY, "personality", "u")               \
  X(KEYRING, "keyring", "s")                       \
  X(AWAIT_FIFO, "await_fifo", "f")                 \
  X(FIND_PROGRAM, "find_program", "v")             \
  X(SPAWN, "spawn", "svvbu")                       \
  X(USERNS, "userns", "ssf")                       \
  X(EXECVE, "execve", "vvv")                       \
  X(PAUSE, "pause", "")

enum plan_code {
#define PLAN_CODE(code, name, kinds) PLAN_##code,
  PLAN_OPS(PLAN_CODE)
#undef PLAN_CODE
      PLAN_CODES
};

enum plan_who { PLAN_PARENT = 0, PLAN_CHILD = 1 };

struct plan_op {
  uint16_t code;
  uint8_t who;
  uint8_t excepts;
  uint16_t except[6];
  uint64_t arg[8];
};

struct plan {
  struct plan_op *ops;
  uint32_t count;
  uint32_t clone;   // index of clone3, or count
  int held;         // the child's last await has no release in the plan: plan_release gives it
  uint32_t last_await;
};

enum plan_state { PLAN_UNRUN = 0, PLAN_RUNNING = 1, PLAN_DONE = 2, PLAN_FAILED = 3 };

// One per op, in memory that parent and child share.
struct plan_result {
  int32_t error;  // 0 or errno; kept also when the op excepts it
  int32_t state;
  int64_t start;  // CLOCK_MONOTONIC nanoseconds
  int64_t ns;     // -1: did not run
};

struct plan_walk {
  const struct plan *plan;
  struct plan_result *results;
  int slots[PLAN_SLOTS];  // -1: empty; the caller may fill some before plan_begin
  pid_t child;            // 0 before clone3 and after the child was reaped
  int pidfd;
  int sync;      // the parent's (in the child: the child's) end of the socketpair
  int received;  // a descriptor that the child sent, or -1
  int failed;    // index of the op that failed, or -1
};

/** Names of ops in the order of their codes, and the kinds of their arguments. */
extern const char *const plan_names[PLAN_CODES];
extern const char *const plan_kinds[PLAN_CODES];

/**
 * Checks `bytes` (8-byte aligned, `size` of them, kept by the caller as long as the plan) and turns offsets into pointers in
 * place. Returns null, or what is wrong.
 */
const char *plan_load(struct plan *plan, void *bytes, size_t size);

/** Maps the shared results and empties the slots. Returns 0 or -1 with errno. */
int plan_open(struct plan_walk *walk, const struct plan *plan);

/**
 * Runs the parent's ops to the end, and the child's until it is held in its last await or, when nothing holds it, until
 * execve has worked.
 * Returns 0, or -1 with walk->failed set and the child, if any, killed and reaped.
 */
int plan_begin(struct plan_walk *walk);

/** Releases a held child and waits until execve has worked. Returns 0, or -1 as plan_begin does. */
int plan_release(struct plan_walk *walk);

/** Closes what the slots hold: the child has its own copies, and a pipe ends only when all of them are closed. */
void plan_close_slots(struct plan_walk *walk);

/** Closes what plan_open and plan_begin opened, slots included; the results stay. Does not touch the child. */
void plan_close(struct plan_walk *walk);

/** Unmaps the results. */
void plan_free(struct plan_walk *walk);

#ifdef __cplusplus
}
#endif

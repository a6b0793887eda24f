// Between the walker and its ops.
#pragma once

#include "plan.h"

// Messages on the socketpair between parent and child, one byte each; SOCK_SEQPACKET keeps them apart.
#define PLAN_RELEASES 'R'
#define PLAN_SENDS_FD 'F'
#define PLAN_IS_HELD 'H'
#define PLAN_FORKED 'P'

/**
 * The op `spawn`: runs a program to its end with `input` on its stdin. Returns 0, or -1 with errno; errno is PLAN_EXIT_STATUS and
 * its exit status (128 + signal) when it did not end well, ETIMEDOUT when it was killed for taking longer than it may.
 */
int plan_spawn(const struct plan_walk *walk, const uint64_t *arg);

/**
 * The op `copy_tree`: the content of directory `from`, with owners, modes and times, into the directory `to`. What may not be
 * made here (a device in a user namespace) is left out. Returns 0, or -1 with errno.
 */
int plan_copy_tree(int from, int to);

/** The op `move_link`: gives the network device `name` to the namespace of process `pid`, as `as`. Returns 0, or -1 with errno. */
int plan_move_link(const char *name, const char *as, pid_t pid);

/** The op `add_address`: `bytes` (4 or 16) with this prefix for the device `name`. Returns 0, or -1 with errno. */
int plan_add_address(const char *name, const void *bytes, size_t size, unsigned prefix);

/** Sends `fd` with one byte to the parent, or with `text`, in which %child is the child's pid. Returns 0, or -1 with errno. */
int plan_send_fd(const struct plan_walk *walk, int socket, int fd, const char *text);

/** Runs one op. Returns 0, or -1 with errno. */
int plan_do(struct plan_walk *walk, const struct plan_op *op);

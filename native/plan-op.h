// Between the walker and its ops.
#pragma once

#include "plan.h"

// Messages on the socketpair between parent and child, one byte each; SOCK_SEQPACKET keeps them apart.
#define PLAN_RELEASES 'R'
#define PLAN_SENDS_FD 'F'
#define PLAN_IS_HELD 'H'

/**
 * The op `spawn`: runs a program to its end with `input` on its stdin. Returns 0, or -1 with errno; errno is PLAN_EXIT_STATUS and
 * its exit status (128 + signal) when it did not end well, ETIMEDOUT when it was killed for taking longer than it may.
 */
int plan_spawn(const struct plan_walk *walk, const uint64_t *arg);

/** Runs one op. Returns 0, or -1 with errno. */
int plan_do(struct plan_walk *walk, const struct plan_op *op);

// Between the walker and its ops.
#pragma once

#include "plan.h"

// Messages on the socketpair between parent and child, one byte each; SOCK_SEQPACKET keeps them apart.
#define PLAN_RELEASES 'R'
#define PLAN_SENDS_FD 'F'
#define PLAN_IS_HELD 'H'

/** Runs one op. Returns 0, or -1 with errno. */
int plan_do(struct plan_walk *walk, const struct plan_op *op);

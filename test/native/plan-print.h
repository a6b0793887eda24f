// Prints an op of a plan, for the harnesses: whoever prints all of them has read every byte that they point to.
#pragma once

#include <stdio.h>

#include "../../native/plan.h"

static void print_text(FILE *to, const char *text) {
  if (!text) fputs(" null", to);
  else fprintf(to, " \"%s\"", text);
}

/** Reads all that the op points to; what it reads goes to `to`. */
static void print_op(FILE *to, const struct plan_op *op) {
  fprintf(to, "%s %s", op->who == PLAN_CHILD ? "child" : "parent", plan_names[op->code]);
  const uint64_t *arg = op->arg;
  for (const char *kind = plan_kinds[op->code]; *kind; kind++, arg++) {
    switch (*kind) {
      case 's':
      case 'n':
        print_text(to, (const char *)(uintptr_t)*arg);
        break;
      case 'v':
        for (char **item = (char **)(uintptr_t)*arg; *item; item++) print_text(to, *item);
        fputs(" .", to);
        arg++;
        break;
      case 'b':
        for (uint64_t i = 0; i < arg[1]; i++) fprintf(to, i ? "%02x" : " %02x", ((unsigned char *)(uintptr_t)*arg)[i]);
        arg++;
        break;
      case 'i':
        for (uint64_t i = 0; i < arg[1]; i++) fprintf(to, " %u", ((uint32_t *)(uintptr_t)*arg)[i]);
        fputs(" .", to);
        arg++;
        break;
      default:
        if (*arg == PLAN_NONE) fputs(" none", to);
        else fprintf(to, " %llu", (unsigned long long)*arg);
    }
  }
  for (int i = 0; i < op->excepts; i++) fprintf(to, " !%d", op->except[i]);
  fputc('\n', to);
}

// The decoder of plans: hostile bytes end in a sentence, never in a wild pointer. Pure; runs in the shim and in Node.

#include "plan.h"

#include <string.h>

const char *const plan_names[PLAN_CODES] = {
#define PLAN_NAME(code, name, kinds) name,
    PLAN_OPS(PLAN_NAME)
#undef PLAN_NAME
};

const char *const plan_kinds[PLAN_CODES] = {
#define PLAN_KIND(code, name, kinds) kinds,
    PLAN_OPS(PLAN_KIND)
#undef PLAN_KIND
};

struct header {
  uint32_t magic, size, count, zero;
};

struct area {
  unsigned char *bytes;
  uint64_t start;  // first byte behind the ops: no argument may point before it
  uint64_t size;   // the last byte is zero, so every offset below it is a terminated string
};

static int inside(const struct area *area, uint64_t offset, uint64_t length) {
  return offset >= area->start && offset <= area->size && length <= area->size - offset;
}

static const char *load_string(const struct area *area, uint64_t *arg) {
  if (*arg < area->start || *arg >= area->size) return "string outside the plan";
  *arg = (uint64_t)(uintptr_t)(area->bytes + *arg);
  return NULL;
}

// The offsets become pointers where they stand, so that argv needs no memory of its own. A vector that overlaps an earlier
// one holds pointers already and is refused as out of range; one that overlaps text only spoils text.
static const char *load_vector(const struct area *area, uint64_t *arg) {
  uint64_t offset = arg[0], count = arg[1];
  if (offset % 8 != 0) return "vector not aligned";
  if (count > PLAN_MAX_BYTES || !inside(area, offset, (count + 1) * 8)) return "vector outside the plan";
  uint64_t *items = (uint64_t *)(void *)(area->bytes + offset);
  if (items[count] != 0) return "vector without an end";
  for (uint64_t i = 0; i < count; i++) {
    const char *why = load_string(area, &items[i]);
    if (why) return why;
  }
  arg[0] = (uint64_t)(uintptr_t)items;
  return NULL;
}

static const char *load_bytes(const struct area *area, uint64_t *arg, uint64_t width) {
  uint64_t offset = arg[0], count = arg[1];
  if (offset % width != 0) return "list not aligned";
  if (count > PLAN_MAX_BYTES || !inside(area, offset, count * width)) return "bytes outside the plan";
  arg[0] = (uint64_t)(uintptr_t)(area->bytes + offset);
  return NULL;
}

static const char *load_op(const struct area *area, struct plan_op *op) {
  if (op->code >= PLAN_CODES) return "unknown op";
  if (op->who > PLAN_CHILD) return "op for nobody";
  if (op->excepts > 6) return "too many exceptions";
  uint64_t *arg = op->arg;
  for (const char *kind = plan_kinds[op->code]; *kind; kind++, arg++) {
    const char *why = NULL;
    switch (*kind) {
      case 's':
        why = load_string(area, arg);
        break;
      case 'n':
        if (*arg == PLAN_NONE) *arg = 0;
        else why = load_string(area, arg);
        break;
      case 'g':
        if (*arg == PLAN_NONE) break;
        __attribute__((fallthrough));
      case 'f':
        if (*arg >= PLAN_SLOTS) why = "no such slot";
        break;
      case 'v':
        why = load_vector(area, arg++);
        break;
      case 'b':
        why = load_bytes(area, arg++, 1);
        break;
      case 'i':
        why = load_bytes(area, arg++, 4);
        break;
      default:
        break;
    }
    if (why) return why;
  }
  // struct sock_filter holds a u32, so the kernel's copy needs no alignment, but a length that is no multiple is a mistake.
  if (op->code == PLAN_SECCOMP && (op->arg[2] % 8 != 0 || op->arg[2] / 8 > UINT16_MAX)) return "filter of a wrong length";
  if (op->code == PLAN_EXECVE && (op->arg[1] == 0 || op->arg[3] == 0)) return "execve of nothing";
  return NULL;
}

const char *plan_load(struct plan *plan, void *bytes, size_t size) {
  struct header header;
  if ((uintptr_t)bytes % 8 != 0) return "plan not aligned";
  if (size < sizeof header + 1 || size > PLAN_MAX_BYTES) return "plan of a wrong size";
  memcpy(&header, bytes, sizeof header);
  if (header.magic != PLAN_MAGIC) return "not a plan";
  if (header.size != size) return "plan of a wrong size";
  if (header.zero != 0) return "plan of a later version";
  if (header.count > PLAN_MAX_OPS || header.count * sizeof(struct plan_op) > size - sizeof header - 1) return "too many ops";
  struct area area = {bytes, sizeof header + header.count * sizeof(struct plan_op), size};
  if (area.bytes[size - 1] != 0) return "plan without an end";

  *plan = (struct plan){.ops = (struct plan_op *)(void *)(area.bytes + sizeof header), .count = header.count};
  plan->clone = plan->count;
  long awaits = 0, releases = 0;
  for (uint32_t i = 0; i < plan->count; i++) {
    struct plan_op *op = &plan->ops[i];
    const char *why = load_op(&area, op);
    if (why) return why;
    if (op->code == PLAN_CLONE3) {
      if (op->who != PLAN_PARENT || plan->clone != plan->count) return "a second clone3";
      plan->clone = i;
    }
    if (op->code == PLAN_AWAIT && op->who == PLAN_CHILD) {
      awaits++;
      plan->last_await = i;
    }
    if (op->code == PLAN_RELEASE && op->who == PLAN_PARENT) releases++;
    if (op->code == PLAN_FORK && op->who == PLAN_PARENT) return "the child's op for the parent";
    if (op->code == PLAN_RECV_FD && op->who == PLAN_CHILD) return "the parent's op for the child";
  }
  for (uint32_t i = 0; i < plan->count && plan->clone == plan->count; i++) {
    if (plan->ops[i].who == PLAN_CHILD) return "ops for a child that is never made";
  }
  if (awaits > releases + 1) return "the child awaits more than one release that the plan does not give";
  plan->held = awaits > releases;
  return NULL;
}

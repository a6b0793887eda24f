// The walker under ASan and UBSan, as a program of its own: `table` prints the ops that it knows, `print FILE` what it
// decodes, `fuzz FILE SEED TIMES` decodes mutations and reads every argument of those it accepts, `walk FILE` runs a plan.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "../../native/plan.h"
#include "plan-print.h"

static void *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  void *bytes = malloc(*size);
  if (fread(bytes, 1, *size, file) != *size) exit(2);
  fclose(file);
  return bytes;
}

static int print_plan(const char *path) {
  size_t size;
  void *bytes = read_file(path, &size);
  struct plan plan;
  const char *why = plan_load(&plan, bytes, size);
  if (why) {
    puts(why);
    return 1;
  }
  for (uint32_t i = 0; i < plan.count; i++) print_op(stdout, &plan.ops[i]);
  return 0;
}

static uint64_t seed;
static uint64_t random_word(void) {  // xorshift64*
  seed ^= seed >> 12;
  seed ^= seed << 25;
  seed ^= seed >> 27;
  return seed * UINT64_C(2685821657736338717);
}

static void mutate(unsigned char *bytes, size_t *size) {
  static const uint64_t edges[] = {0, 1, 7, 8, 16, 80, 96, 127, 128, 255, 4096, 65535, UINT32_MAX, INT64_MAX, UINT64_MAX, UINT64_MAX - 7};
  for (int n = 1 + (int)(random_word() % 4); n > 0; n--) {
    size_t at = (size_t)(random_word() % *size);
    switch (random_word() % 6) {
      case 0: bytes[at] ^= (unsigned char)(1u << random_word() % 8); break;
      case 1: bytes[at] = (unsigned char)random_word(); break;
      case 2:  // a word of an op: an offset, a count, a slot
        at = at / 8 * 8;
        if (at + 8 <= *size) memcpy(bytes + at, &edges[random_word() % 16], 8);
        break;
      case 3: {
        uint64_t offset = random_word() % (*size + 16);
        at = at / 8 * 8;
        if (at + 8 <= *size) memcpy(bytes + at, &offset, 8);
        break;
      }
      case 4:  // cut off, honestly declared or not
        if (*size > 64) *size -= (size_t)(random_word() % 32);
        if (random_word() % 2) memcpy(bytes + 4, &(uint32_t){(uint32_t)*size}, 4);
        break;
      default:
        if (*size >= 16) memcpy(bytes + 8, &(uint32_t){(uint32_t)(random_word() % 64)}, 4);
    }
  }
}

static int fuzz(const char *path, uint64_t start, long times) {
  size_t size;
  unsigned char *original = read_file(path, &size);
  FILE *nowhere = fopen("/dev/null", "w");
  long accepted = 0;
  seed = start * 2 + 1;
  for (long i = 0; i < times; i++) {
    size_t length = size;
    unsigned char *copy = malloc(size);
    memcpy(copy, original, size);
    mutate(copy, &length);
    unsigned char *exact = malloc(length);  // so that ASan sees the first byte too many
    memcpy(exact, copy, length);
    struct plan plan;
    if (!plan_load(&plan, exact, length)) {
      accepted++;
      for (uint32_t k = 0; k < plan.count; k++) print_op(nowhere, &plan.ops[k]);
    }
    free(exact);
    free(copy);
  }
  printf("%ld accepted of %ld\n", accepted, times);
  return 0;
}

static int walk(const char *path) {
  size_t size;
  void *bytes = read_file(path, &size);
  struct plan plan;
  struct plan_walk walk;
  const char *why = plan_load(&plan, bytes, size);
  if (why || plan_open(&walk, &plan) < 0) {
    puts(why ? why : "no memory");
    return 1;
  }
  int result = plan_begin(&walk);
  if (result == 0 && plan.held) result = plan_release(&walk);
  if (result < 0) {
    printf("failed %d %d\n", walk.failed, walk.results[walk.failed].error);
  } else if (walk.child > 0) {
    int status;
    waitpid(walk.child, &status, 0);
    printf("ended %d\n", WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
  }
  plan_close(&walk);
  plan_free(&walk);
  free(bytes);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2 && !strcmp(argv[1], "table")) {
    for (int i = 0; i < PLAN_CODES; i++) printf("%s %s\n", plan_names[i], plan_kinds[i]);
    return 0;
  }
  if (argc == 3 && !strcmp(argv[1], "print")) return print_plan(argv[2]);
  if (argc == 3 && !strcmp(argv[1], "walk")) return walk(argv[2]);
  if (argc == 5 && !strcmp(argv[1], "fuzz")) return fuzz(argv[2], strtoull(argv[3], NULL, 10), strtol(argv[4], NULL, 10));
  return 2;
}

// The decoder of plans under libFuzzer, ASan and UBSan: whatever bytes are refused with a sentence, or decoded into ops all of
// whose arguments can be read. Built and run by test/native/fuzz-plan. https://llvm.org/docs/LibFuzzer.html

#include <stdlib.h>
#include <string.h>

#include "plan-print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static FILE *nowhere;
  if (!nowhere) nowhere = fopen("/dev/null", "w");
  unsigned char *exact = malloc(size ? size : 1);  // so that ASan sees the first byte too many
  if (size) memcpy(exact, data, size);
  // A length that is wrong is refused at once: most mutations would end there.
  if (size >= 8) memcpy(exact + 4, &(uint32_t){(uint32_t)size}, 4);
  struct plan plan;
  if (!plan_load(&plan, exact, size)) {
    for (uint32_t i = 0; i < plan.count; i++) print_op(nowhere, &plan.ops[i]);
  }
  free(exact);
  return 0;
}

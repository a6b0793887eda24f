// Text without stdio, which would cost the shim memory for each container: numbers and times appended to a buffer that the
// caller knows to be large enough.
#pragma once

#include <stdint.h>
#include <string.h>
#include <time.h>

static inline char *put_text(char *to, const char *text) {
  size_t length = strlen(text);
  memcpy(to, text, length);
  return to + length;
}

/** Decimal, padded with zeros to `width` digits. */
static inline char *put_number(char *to, uint64_t number, int width) {
  char digits[20];
  int n = 0;
  do digits[n++] = (char)('0' + number % 10);
  while ((number /= 10) || n < width);
  while (n) *to++ = digits[--n];
  return to;
}

static inline char *put_signed(char *to, int64_t number) {
  if (number >= 0) return put_number(to, (uint64_t)number, 1);
  *to++ = '-';
  return put_number(to, -(uint64_t)number, 1);
}

/** Decimal digits only, at most `most`. Returns -1 for anything else. */
static inline int64_t parse_number(const char *text, int64_t most) {
  int64_t number = 0;
  if (!*text) return -1;
  for (; *text; text++) {
    if (*text < '0' || *text > '9') return -1;
    number = number * 10 + (*text - '0');
    if (number > most) return -1;
  }
  return number;
}

/**
 * RFC 3339 in UTC, as `2006-01-02T15:04:05.999999999Z`; `trim` drops trailing zeros of the fraction, as Go's RFC3339Nano.
 * Days to dates after Howard Hinnant, http://howardhinnant.github.io/date_algorithms.html
 */
static inline char *put_time(char *to, struct timespec t, int trim) {
  int64_t days = t.tv_sec / 86400, seconds = t.tv_sec % 86400;
  int64_t z = days + 719468, era = z / 146097, doe = z - era * 146097;
  int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  int64_t mp = (5 * doy + 2) / 153, day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9;
  to = put_number(to, (uint64_t)(yoe + era * 400 + (month <= 2)), 4);
  *to++ = '-';
  to = put_number(to, (uint64_t)month, 2);
  *to++ = '-';
  to = put_number(to, (uint64_t)day, 2);
  *to++ = 'T';
  to = put_number(to, (uint64_t)(seconds / 3600), 2);
  *to++ = ':';
  to = put_number(to, (uint64_t)(seconds / 60 % 60), 2);
  *to++ = ':';
  to = put_number(to, (uint64_t)(seconds % 60), 2);
  if (!trim || t.tv_nsec) {
    *to++ = '.';
    to = put_number(to, (uint64_t)t.tv_nsec, 9);
    while (trim && to[-1] == '0') to--;
  }
  *to++ = 'Z';
  return to;
}

/* TAP from C: plan at the end, one line a promise, and what was found when it does not hold. */
#ifndef TURNO_TEST_TAP_H
#define TURNO_TEST_TAP_H

#include <stdio.h>
#include <stdlib.h>

static int tap_count, tap_failed;

#define ok(held, ...)                                             \
  do {                                                            \
    int held_ = !!(held);                                         \
    printf("%sok %d - ", held_ ? "" : "not ", ++tap_count);       \
    printf(__VA_ARGS__);                                          \
    printf("\n");                                                 \
    if (!held_) printf("# %s:%d: %s\n", __FILE__, __LINE__, #held); \
    tap_failed += !held_;                                         \
    fflush(stdout);                                               \
  } while (0)

#define skip(reason, ...)                        \
  do {                                           \
    printf("ok %d - ", ++tap_count);             \
    printf(__VA_ARGS__);                         \
    printf(" # SKIP %s\n", reason);              \
  } while (0)

/* When a number is not as expected, it says both. */
#define is(found, expected, ...)                                                                 \
  do {                                                                                           \
    long long found_ = (long long)(found), expected_ = (long long)(expected);                    \
    ok(found_ == expected_, __VA_ARGS__);                                                        \
    if (found_ != expected_) printf("# found %lld, expected %lld\n", found_, expected_);         \
  } while (0)

static inline int tap_end(void) {
  printf("1..%d\n", tap_count);
  return tap_failed != 0;
}

#endif

/*
 * Raises its own limits.
 *
 * weak: limits
 */
#include "attack.h"
int main(void) {
  static const int limits[] = {RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_CORE, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_RTPRIO};
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    struct rlimit now;
    getrlimit(limits[i], &now);
    if (now.rlim_max == RLIM_INFINITY) breach("a limit is not set");
    now.rlim_cur = ++now.rlim_max;
    REFUSED(setrlimit(limits[i], &now));
  }
  return 0;
}

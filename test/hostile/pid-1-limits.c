/*
 * Lowers the limits of PID 1; every later run would inherit them.
 *
 * weak: identity, filter
 */
#include "attack.h"
int main(void) {
  struct rlimit few = {10, 10};
  REFUSED(prlimit(1, RLIMIT_NOFILE, &few, NULL));
  REFUSED(prlimit(1, RLIMIT_FSIZE, &few, NULL));
  REFUSED(prlimit(1, RLIMIT_CPU, &few, NULL));
  return 0;
}

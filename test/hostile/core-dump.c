/*
 * Dumps core: a large file, written by the kernel, wherever the core pattern says.
 *
 * expect: signal 6
 * weak: limits
 */
#include "attack.h"
int main(void) {
  struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
  REFUSED(setrlimit(RLIMIT_CORE, &all));
  abort();
}

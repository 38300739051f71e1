/*
 * Locked pages cannot be reclaimed.
 *
 * weak: limits
 */
#include "attack.h"
int main(void) {
  static char memory[4 << 20];
  REFUSED(mlock(memory, sizeof memory));
  REFUSED(mlockall(MCL_CURRENT | MCL_FUTURE));
  return 0;
}

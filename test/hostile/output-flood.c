/*
 * Writes to stdout without end.
 *
 * expect: output
 * weak: limits
 */
#include "attack.h"
int main(void) {
  for (int i = 0; i < 100000; i++) puts("all work and no play makes jack a dull boy");
  return 0;
}

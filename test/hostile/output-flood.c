/*
 * Writes to stdout without end.
 *
 * expect: output
 */
#include "attack.h"
int main(void) {
  for (;;) puts("all work and no play makes jack a dull boy");
}

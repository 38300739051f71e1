/*
 * The same on stderr.
 *
 * expect: output
 * weak: limits
 */
#include "attack.h"
int main(void) {
  for (int i = 0; i < 100000; i++) fputs("all work and no play makes jack a dull boy", stderr);
  return 0;
}

/*
 * Ignores the signal of the file size limit and exits with 0 as if nothing were missing.
 *
 * expect: output
 * limits: output=64 file=64
 * weak: limits
 */
#include "attack.h"
int main(void) {
  signal(SIGXFSZ, SIG_IGN);
  for (int i = 0; i < 100000; i++) puts("all work and no play makes jack a dull boy");
  return 0;
}

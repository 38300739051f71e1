/*
 * A vfork parent cannot be stopped while its child lives; the child hangs.
 *
 * expect: wall
 * limits: wall=300
 * weak: limits
 */
#include "attack.h"
int main(void) {
  if (vfork() == 0) {
    for (;;) pause();
  }
  return 0;
}

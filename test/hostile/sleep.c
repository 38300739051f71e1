/*
 * Sleeps for ever: no CPU, only time.
 *
 * expect: wall
 * limits: wall=300
 * weak: limits
 */
#include "attack.h"
int main(void) {
  for (;;) pause();
}

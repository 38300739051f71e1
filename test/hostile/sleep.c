/*
 * Sleeps for ever: no CPU, only time.
 *
 * expect: wall
 * limits: wall=300
 */
#include "attack.h"
int main(void) {
  for (;;) pause();
}

/*
 * Stops itself; whoever waits for its exit waits for ever.
 *
 * expect: wall
 * limits: wall=300
 * weak: limits
 */
#include "attack.h"
int main(void) {
  for (;;) raise(SIGSTOP);
}

/*
 * Forks without end; every child forks too. Ends at the limit, and everything is reaped.
 *
 * expect: cpu or wall
 * limits: cpu=300 wall=600
 */
#include "attack.h"
int main(void) {
  for (;;) fork();
}

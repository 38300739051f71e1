/*
 * Forks without end; every child forks too. Ends at the limit, and everything is reaped.
 *
 * expect: cpu or wall
 * limits: cpu=300 wall=600
 * weak: limits
 */
#include "attack.h"
int main(void) {
  int *born = shared_number();
  for (;;) {
    bounded(born, 256, "four times the processes");
    if (fork() == 0) one_more(born);
  }
}

/*
 * Every child leaves for a session and a process group of its own, so that no group signal finds it.
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
    if (fork() == 0) {
      one_more(born);
      setsid();
    }
  }
}

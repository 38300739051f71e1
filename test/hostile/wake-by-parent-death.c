/*
 * PDEATHSIG: the end of one process sends SIGCONT to another.
 *
 * expect: cpu
 * limits: cpu=600 wall=9000
 * turns: stopped
 * weak: filter
 */
#include "attack.h"
int main(void) {
  if (prctl(PR_SET_PDEATHSIG, SIGCONT, 0, 0, 0) == 0) breach("PDEATHSIG");
  burn();
}

/*
 * Computes in the resolver of an indirect function, where the time would be in no run's account: a template that needs more
 * than a moment to stand is given up, and the program pays for it itself.
 *
 * expect: cpu
 * limits: cpu=200
 * template: given up
 * weak: limits
 */
#include "attack.h"
static int nothing(void) { return 0; }
static int (*choose(void))(void) {
  burn();
  return nothing;
}
int chosen(void) __attribute__((ifunc("choose")));
int main(void) { return chosen(); }

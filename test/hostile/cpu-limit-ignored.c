/*
 * Handles SIGXCPU and goes on.
 *
 * expect: cpu
 * limits: cpu=300
 * weak: limits
 */
#include "attack.h"
int main(void) {
  signal(SIGXCPU, SIG_IGN);
  burn();
}

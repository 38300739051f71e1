/*
 * Ignores and blocks every signal there is.
 *
 * expect: cpu
 * limits: cpu=200
 * weak: limits
 */
#include "attack.h"
int main(void) {
  sigset_t all;
  sigfillset(&all);
  for (int i = 1; i < 65; i++) signal(i, SIG_IGN);
  sigprocmask(SIG_SETMASK, &all, NULL);
  burn();
}

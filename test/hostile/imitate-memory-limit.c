/*
 * Says "Killed" and dies of SIGKILL, to be taken for a memory limit.
 *
 * expect: signal 9
 * weak: none, because it attacks no protection but what the report says
 */
#include "attack.h"
int main(void) {
  puts("Killed");
  fflush(stdout);
  raise(SIGKILL);
}

/*
 * Loads a filter of its own, to make a later setuid program or PID 1 misbehave.
 */
#include "attack.h"
int main(void) {
  REFUSED(prctl(PR_SET_SECCOMP, 2, 0, 0, 0));
  REFUSED(syscall(SYS_seccomp, 0, 0, 0));
  return 0;
}

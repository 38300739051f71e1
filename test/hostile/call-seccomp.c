/*
 * Loads a filter of its own, to make a later setuid program or PID 1 misbehave.
 *
 * weak: filter
 */
#include "attack.h"
#include <linux/filter.h>
int main(void) {
  struct sock_filter allow = {0x06, 0, 0, 0x7fff0000};
  struct sock_fprog program = {1, &allow};
  REFUSED(prctl(PR_SET_SECCOMP, 2, &program, 0, 0));
  REFUSED(syscall(SYS_seccomp, 1, 0, &program));
  return 0;
}

/*
 * Every signal to PID 1, plain and queued.
 *
 * weak: identity, filter
 */
#include "attack.h"
int main(void) {
  for (int i = 1; i < 65; i++) {
    REFUSED(kill(1, i));
    REFUSED(syscall(SYS_tkill, 1, i));
    REFUSED(syscall(SYS_tgkill, 1, 1, i));
    siginfo_t info = {.si_signo = i, .si_code = -1};
    REFUSED(syscall(SYS_rt_sigqueueinfo, 1, i, &info));
  }
  return 0;
}

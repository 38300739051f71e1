/*
 * Takes descriptors out of PID 1: the control socket, the turns file.
 *
 * weak: filter
 */
#include "attack.h"
int main(void) {
  int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);
  REFUSED(pidfd);
  for (int i = 0; i < 64; i++) REFUSED(syscall(SYS_pidfd_getfd, pidfd, i, 0));
  return 0;
}

/*
 * Work done by threads of the kernel, past the filter.
 *
 * weak: filter, limits
 * needs: /proc/sys/kernel/io_uring_disabled=0
 */
#include "attack.h"
int main(void) {
  char parameters[256] = {0};
  REFUSED(syscall(SYS_io_uring_setup, 8, parameters));
  return 0;
}

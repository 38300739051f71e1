/*
 * Loads programs into the kernel.
 *
 * weak: none, because kernels have long refused it to everybody without rights
 */
#include "attack.h"
int main(void) {
  REFUSED(syscall(SYS_bpf, 0, "", 0));
  REFUSED(syscall(SYS_bpf, 5, "", 48));
  return 0;
}

/*
 * Stops the kernel in the middle of a copy: the helper of many exploits.
 *
 * weak: filter
 */
#include "attack.h"
int main(void) {
  REFUSED(syscall(SYS_userfaultfd, 0));
  REFUSED(syscall(SYS_userfaultfd, 1));
  return 0;
}

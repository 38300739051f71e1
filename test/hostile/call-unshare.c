/*
 * New namespaces; a user namespace brings every capability and half the kernel within reach.
 *
 * weak: filter
 */
#include "attack.h"
int main(void) {
  static const int flags[] = {0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000, 0x80};
  for (size_t i = 0; i < 8; i++) REFUSED(syscall(SYS_unshare, flags[i]));
  return 0;
}

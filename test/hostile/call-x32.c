/*
 * The x32 table has other numbers for the same calls; a filter that forgets it is passed by.
 *
 * weak: none, because kernels are built without that table
 */
#include "attack.h"
int main(void) {
  REFUSED(syscall(0x40000000 + SYS_ptrace, 0, 0, 0, 0));
  REFUSED(syscall(0x40000000 + SYS_getpid));
  return 0;
}

/*
 * Traces: PID 1, its parent, a child of its own.
 *
 * weak: filter
 */
#include "attack.h"
int main(void) {
  REFUSED(syscall(SYS_ptrace, 16 /* ATTACH */, 1, 0, 0));
  REFUSED(syscall(SYS_ptrace, 0x4206 /* SEIZE */, 1, 0, 0));
  REFUSED(syscall(SYS_ptrace, 0 /* TRACEME */, 0, 0, 0));
  return 0;
}

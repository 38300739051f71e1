/*
 * The same by clone.
 *
 * weak: filter
 */
#include "attack.h"
int main(void) {
  static const int flags[] = {0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000};
  for (size_t i = 0; i < 7; i++) {
    long pid = syscall(SYS_clone, flags[i] | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) _exit(0);
    REFUSED(pid);
  }
  return 0;
}

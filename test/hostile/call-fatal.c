/*
 * Loading code into the kernel: no program has a use for that, so asking for it ends the run, the children's too.
 *
 * expect: signal 31
 * limits: wall=300
 * weak: filter
 */
#include "attack.h"
int main(void) {
  signal(SIGSYS, SIG_IGN);
  if (fork()) {
    for (;;) pause();
  }
  syscall(SYS_delete_module, "x", 0);
  breach("delete_module");
}

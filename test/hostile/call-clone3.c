/*
 * clone3 hides its flags in memory, where no filter can look.
 *
 * weak: filter
 */
#include "attack.h"
int main(void) {
  struct {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
  } arguments = {.flags = 0x10000000, .exit_signal = SIGCHLD};
  long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) _exit(0);
  REFUSED(pid);
  return 0;
}

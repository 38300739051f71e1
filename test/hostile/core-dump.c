/*
 * Dumps core: a large file, written by the kernel, wherever the core pattern says. Where that is a program of the host it is
 * started as root, even with a limit of 0; with 1 it is not.
 *
 * expect: signal 6
 * weak: limits, filter
 */
#include "attack.h"
int main(void) {
  struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY}, none = {0, 0}, now;
  REFUSED(setrlimit(RLIMIT_CORE, &all));
  REFUSED(setrlimit(RLIMIT_CORE, &none));
  REFUSED(syscall(SYS_setrlimit, RLIMIT_CORE, &none));
  /* A limit whose address looks like none to who compares half of it. */
  struct rlimit *far = mmap((void *)(1ul << 32), 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (far == (void *)(1ul << 32)) REFUSED(prlimit(0, RLIMIT_CORE, far, NULL));
  getrlimit(RLIMIT_CORE, &now);
  if (now.rlim_cur != 1 || now.rlim_max != 1) breach("a limit that is not 1");
  abort();
}

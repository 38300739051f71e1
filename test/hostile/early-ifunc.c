/*
 * The resolver of an indirect function runs when the loader binds it, before a template could stand. What it does there is
 * done once for all tests of a submission: here it maps memory which they share, so that one finds what another has left.
 *
 * template: looked at
 * times: 2
 * weak: look
 */
#include "attack.h"
static int *shared;
static pid_t early;
static int nothing(void) { return 0; }
static int (*choose(void))(void) {
  shared = (int *)syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  early = (pid_t)syscall(SYS_getpid);
  return nothing;
}
int chosen(void) __attribute__((ifunc("choose")));
int main(void) {
  chosen();
  if (*shared) breach("what an earlier test has left");
  *shared = 1;
  if (early != getpid()) printf("the resolver has run in process %d\n", early);
  return 0;
}

/*
 * READ_IMPLIES_EXEC and friends are inherited by exec.
 *
 * weak: filter
 */
#include "attack.h"
int main(void) {
  REFUSED(syscall(SYS_personality, 0x0400000));
  REFUSED(syscall(SYS_personality, 0x0020000));
  return 0;
}

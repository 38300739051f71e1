/*
 * Makes the whole machine write to its disks.
 */
#include "attack.h"
int main(void) {
  REFUSED(syscall(SYS_sync));
  return 0;
}

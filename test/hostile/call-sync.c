/*
 * Makes the whole machine write to its disks.
 *
 * weak: filter
 */
#include "attack.h"
int main(void) {
  REFUSED(syncfs(open("/tmp", O_RDONLY))); /* a tmpfs, for which nothing is written */
  REFUSED(syscall(SYS_sync));
  return 0;
}

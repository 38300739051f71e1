/*
 * Enters namespaces of others.
 */
#include "attack.h"
int main(void) {
  int file = open("/proc/self/ns/mnt", O_RDONLY);
  REFUSED(syscall(SYS_setns, file, 0));
  return 0;
}

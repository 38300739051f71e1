/*
 * Enters namespaces: those it is in, and those of a child, which is root in its own.
 *
 * weak: filter
 */
#include "attack.h"
int main(void) {
  int ready[2], byte;
  pipe(ready);
  pid_t child = fork();
  if (child == 0) {
    unshare(0x10000000);
    write(ready[1], "x", 1);
    for (;;) pause();
  }
  read(ready[0], &byte, 1);
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/user", child);
  int file = open("/proc/self/ns/mnt", O_RDONLY);
  REFUSED(syscall(SYS_setns, file, 0));
  REFUSED(syscall(SYS_setns, open(path, O_RDONLY), 0));
  kill(child, SIGKILL);
  return 0;
}

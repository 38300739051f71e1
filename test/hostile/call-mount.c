/*
 * Mounts, by the old interface and the new.
 */
#include "attack.h"
int main(void) {
  REFUSED(syscall(SYS_mount, "none", "/box", "tmpfs", 0, ""));
  REFUSED(syscall(SYS_mount, "/usr", "/box", "", 4096, ""));
  REFUSED(syscall(SYS_mount, "none", "/usr", "", 32, ""));
  REFUSED(syscall(SYS_umount2, "/proc", 2));
  REFUSED(syscall(SYS_fsopen, "tmpfs", 0));
  REFUSED(syscall(SYS_open_tree, -100, "/", 1));
  REFUSED(syscall(SYS_pivot_root, "/box", "/box"));
  return 0;
}

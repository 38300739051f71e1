/*
 * Mounts, by the old interface and the new; then as the root of a user namespace of its own, who may.
 *
 * weak: filter
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
  unshare(0x10020000 /* a user namespace and a mount namespace */);
  REFUSED(syscall(SYS_mount, "none", "/box", "tmpfs", 0, ""));
  return 0;
}

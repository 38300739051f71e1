/*
 * Extended attributes and flags survive the emptying of a directory.
 *
 * weak: identity, filter
 * needs: linux 6.6
 */
#include "attack.h"
#include <linux/fs.h>
#include <sys/xattr.h>
int main(void) {
  int flags = FS_NODUMP_FL;
  struct fsxattr more = {.fsx_xflags = FS_XFLAG_NODUMP};
  int box = open("/box", O_RDONLY | O_DIRECTORY);
  REFUSED(setxattr("/box", "user.left", "x", 1, 0));
  REFUSED(setxattr("/tmp", "user.left", "x", 1, 0));
  REFUSED(ioctl(box, FS_IOC_SETFLAGS, &flags));
  REFUSED(ioctl(box, FS_IOC_FSSETXATTR, &more));
  return 0;
}

/*
 * Makes device nodes of its own.
 *
 * weak: none, because a device of the host would be open to it
 */
#include "attack.h"
#include <sys/sysmacros.h>
int main(void) {
  REFUSED(mknod("disk", S_IFBLK | 0666, makedev(254, 0)));
  REFUSED(mknod("memory", S_IFCHR | 0666, makedev(1, 1)));
  REFUSED(open("/dev/vda", O_RDONLY));
  REFUSED(open("/dev/sda", O_RDONLY));
  REFUSED(open("/dev/kvm", O_RDWR));
  REFUSED(open("/dev/fuse", O_RDWR));
  REFUSED(open("/dev/tty", O_RDWR));
  REFUSED(open("/dev/ptmx", O_RDWR));
  return 0;
}

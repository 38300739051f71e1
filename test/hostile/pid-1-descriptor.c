/*
 * Looks for the control socket among its descriptors and those of its parents.
 *
 * weak: descriptors
 */
#include "attack.h"
int main(void) {
  for (int i = 3; i < 256; i++) {
    int type;
    socklen_t size = sizeof type;
    if (getsockopt(i, SOL_SOCKET, SO_TYPE, &type, &size) == 0) breach("a socket");
  }
  REFUSED(open("/proc/1/fd/4", O_RDWR));
  REFUSED(open("/proc/self/fd/../../1/fd/4", O_RDWR));
  return 0;
}

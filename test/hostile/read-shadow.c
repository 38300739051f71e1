/*
 * Reads the password hashes of the host.
 */
#include "attack.h"
int main(void) {
  REFUSED(open("/etc/shadow", O_RDONLY));
  REFUSED(open("/etc/ssl/private", O_RDONLY));
  return 0;
}

/*
 * Reads the password hashes of the host, and what else says how it is set up.
 *
 * weak: root
 */
#include "attack.h"
int main(void) {
  REFUSED(open("/etc/shadow", O_RDONLY));
  REFUSED(open("/etc/ssl/private", O_RDONLY));
  REFUSED(open("/etc/hosts", O_RDONLY));
  REFUSED(open("/etc/group-", O_RDONLY));
  return 0;
}

/*
 * Changes the executable that the next test of the same submission starts from.
 *
 * weak: identity, read-only
 */
#include "attack.h"
int main(void) {
  REFUSED(open("/exe/program", O_WRONLY));
  REFUSED(open("/proc/self/exe", O_WRONLY));
  REFUSED(chmod("/exe/program", 0777));
  REFUSED(unlink("/exe/program"));
  REFUSED(rename("/exe/program", "/box/program"));
  REFUSED(truncate("/exe/program", 0));
  return 0;
}

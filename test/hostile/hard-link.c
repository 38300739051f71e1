/*
 * Hard links to files of the host: a clean-up that changes owner or mode through them would hit the original.
 */
#include "attack.h"
int main(void) {
  REFUSED(link("/usr/bin/env", "/box/env"));
  REFUSED(link("/etc/passwd", "/tmp/passwd"));
  REFUSED(link("/exe/program", "/box/program"));
  return 0;
}

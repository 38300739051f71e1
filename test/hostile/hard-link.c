/*
 * Hard links to files of the host: a clean-up that changes owner or mode through them would hit the original.
 *
 * weak: identity, read-only
 */
#include "attack.h"
int main(void) {
  REFUSED(link("/usr/bin/env", "/box/env"));
  REFUSED(link("/etc/passwd", "/tmp/passwd"));
  REFUSED(link("/exe/program", "/box/program"));
  REFUSED(link("/exe/program", "/exe/again"));
  return 0;
}

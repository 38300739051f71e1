/*
 * Writes where the host keeps its programs and libraries.
 *
 * weak: read-only
 */
#include "attack.h"
int main(void) {
  static const char *const files[] = {"/usr/bin/x", "/usr/lib/x", "/bin/x", "/lib/x", "/etc/x", "/etc/passwd", "/etc/ld.so.cache", "/x", "/dev/x", "/exe/x"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) REFUSED(open(files[i], O_WRONLY | O_CREAT, 0755));
  REFUSED(unlink("/usr/bin/gcc"));
  REFUSED(rename("/usr/bin", "/usr/bin2"));
  REFUSED(chmod("/usr/bin/gcc", 0));
  REFUSED(rmdir("/box"));
  REFUSED(rename("/box", "/box2"));
  return 0;
}

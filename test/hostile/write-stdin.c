/*
 * Opens its stdin again, for writing: the next run may get the same file.
 *
 * weak: stdin
 */
#include "attack.h"
int main(void) {
  if (write(0, "x", 1) == 1) breach("write(0)");
  int file = open("/proc/self/fd/0", O_WRONLY);
  if (file >= 0 && write(file, "x", 1) == 1) breach("reopened stdin");
  REFUSED(ftruncate(0, 0));
  return 0;
}

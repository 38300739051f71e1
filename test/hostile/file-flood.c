/*
 * One file without end.
 *
 * expect: file
 * limits: file=4096
 * weak: limits
 */
#include "attack.h"
int main(void) {
  static char block[1 << 16];
  int file = open("large", O_CREAT | O_WRONLY, 0600);
  for (int i = 0; i < 256; i++) {
    if (write(file, block, sizeof block) < 0) return 1;
  }
  breach("16 MiB in one file");
}

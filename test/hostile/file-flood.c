/*
 * One file without end.
 *
 * expect: file
 * limits: file=4096
 */
#include "attack.h"
int main(void) {
  static char block[1 << 16];
  int file = open("large", O_CREAT | O_WRONLY, 0600);
  while (write(file, block, sizeof block) > 0) continue;
  return 1;
}

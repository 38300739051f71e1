/*
 * Fills the box up to the memory limit and dies with it full. A helper inside the group would be killed at its next allocation.
 *
 * expect: memory
 * limits: memory=16 box=512
 * only: groups
 * weak: limits
 */
#include "attack.h"
int main(void) {
  static char block[1 << 20];
  memset(block, 1, sizeof block);
  char name[32];
  for (int i = 0; i < 64; i++) {
    snprintf(name, sizeof name, "f%d", i);
    int file = open(name, O_CREAT | O_WRONLY, 0600);
    if (write(file, block, sizeof block) < 0) return 0;
    close(file);
  }
  breach("64 MiB");
}

/*
 * memfds have no name and lie in no box; their pages are charged to the group all the same.
 *
 * expect: memory
 * limits: memory=32
 * only: groups
 * weak: limits
 */
#include "attack.h"
int main(void) {
  static char block[1 << 20];
  memset(block, 1, sizeof block);
  for (int file = 0; file < 16; file++) {
    int file = memfd_create("m", 0);
    if (file < 0) return 0;
    for (int i = 0; i < 8; i++) write(file, block, sizeof block);
  }
  breach("128 MiB");
}

/*
 * Fills POSIX shared memory: pages of /dev/shm are charged to who writes them.
 *
 * expect: memory
 * limits: memory=32 file=1048576 box=512
 * only: groups
 * weak: limits
 */
#include "attack.h"
int main(void) {
  int file = shm_open("/fill", O_CREAT | O_RDWR, 0600);
  static char block[1 << 20];
  memset(block, 1, sizeof block);
  for (int i = 0; i < 128; i++) {
    if (write(file, block, sizeof block) < 0) return 0;
  }
  breach("128 MiB");
}

/*
 * The same by the break.
 *
 * expect: memory
 * limits: memory=32
 * only: groups
 * weak: limits
 */
#include "attack.h"
int main(void) {
  for (int i = 0; i < 128; i++) {
    char *memory = sbrk(1 << 20);
    if (memory == (void *)-1) return 0;
    memset(memory, 1, 1 << 20);
  }
  breach("128 MiB");
}

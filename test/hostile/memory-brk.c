/*
 * The same by the break.
 *
 * expect: memory
 * limits: memory=32
 * only: groups
 */
#include "attack.h"
int main(void) {
  for (;;) {
    char *memory = sbrk(1 << 20);
    if (memory == (void *)-1) return 0;
    memset(memory, 1, 1 << 20);
  }
}

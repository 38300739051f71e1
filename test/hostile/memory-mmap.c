/*
 * Maps and touches memory without end.
 *
 * expect: memory
 * limits: memory=32
 * only: groups
 * weak: limits
 */
#include "attack.h"
int main(void) {
  for (int i = 0; i < 128; i++) {
    char *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 0;
    memset(memory, 1, 1 << 20);
  }
  breach("128 MiB");
}

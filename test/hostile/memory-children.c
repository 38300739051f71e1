/*
 * Spreads its memory over children, so that no single process is large.
 *
 * expect: memory
 * limits: memory=64 wall=5000
 * only: groups
 * weak: limits
 */
#include "attack.h"
int main(void) {
  int *ready = shared_number();
  for (int i = 0; i < 64; i++) {
    if (fork() == 0) {
      char *memory = malloc(4 << 20);
      if (memory) memset(memory, 1, 4 << 20), one_more(ready);
      pause();
    }
    usleep(100);
  }
  for (int waited = 0; waited < 5000; waited++) {
    if (*ready == 64) breach("256 MiB");
    usleep(1000);
  }
}

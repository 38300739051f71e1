/*
 * Spreads its memory over children, so that no single process is large.
 *
 * expect: memory
 * limits: memory=64 wall=5000
 * only: groups
 */
#include "attack.h"
int main(void) {
  for (;;) {
    if (fork() == 0) {
      char *memory = malloc(4 << 20);
      if (memory) memset(memory, 1, 4 << 20);
      pause();
    }
    usleep(100);
  }
}

/*
 * Memory of the kernel: full pipes, as many as can be opened.
 *
 * expect: memory or exit 0 or cpu
 * limits: memory=32
 * weak: limits
 */
#include "attack.h"
int main(void) {
  static char block[1 << 16];
  for (int pipes = 0; pipes < 120; pipes++) {
    int ends[2];
    if (pipe(ends)) break;
    fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    while (write(ends[1], block, sizeof block) > 0) continue;
  }
  return 0;
}

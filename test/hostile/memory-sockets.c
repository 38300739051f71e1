/*
 * Memory of the kernel: full socket buffers.
 *
 * expect: memory or exit 0 or cpu
 * limits: memory=32
 * weak: limits
 */
#include "attack.h"
int main(void) {
  static char block[1 << 16];
  for (int pairs = 0; pairs < 120; pairs++) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends)) return 0;
    int large = 1 << 30;
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    while (write(ends[0], block, sizeof block) > 0) continue;
  }
  return 0;
}

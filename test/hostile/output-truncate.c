/*
 * Truncates its own stdout under the reader: somebody who maps it would die of SIGBUS.
 *
 * weak: none, because it is the host that must not map what it reads
 */
#include "attack.h"
int main(void) {
  for (int i = 0; i < 1000; i++) {
    write(1, "something", 9);
    ftruncate(1, 0);
  }
  return 0;
}

/*
 * Makes stdout huge without writing: seeks far and writes one byte.
 *
 * expect: output
 * weak: limits
 */
#include "attack.h"
int main(void) {
  lseek(1, 1 << 23, SEEK_SET);
  write(1, "x", 1);
  return 0;
}

/*
 * Endless recursion; the stack is bounded by memory only.
 *
 * expect: memory
 * limits: memory=32
 * only: groups
 * weak: limits
 */
#include "attack.h"
static int deeper(int n) {
  volatile char room[8192];
  room[0] = (char)n;
  if (n == 128 << 7) breach("128 MiB");
  return deeper(n + 1) + room[0];
}
int main(void) { return deeper(0); }

/*
 * Endless recursion; the stack is bounded by memory only.
 *
 * expect: memory
 * limits: memory=32
 * only: groups
 */
#include "attack.h"
static int deeper(int n) {
  volatile char room[8192];
  room[0] = (char)n;
  return deeper(n + 1) + room[0];
}
int main(void) { return deeper(0); }

/*
 * A 32-bit call from a 64-bit program: number 26 is ptrace there, and something else here.
 *
 * expect: signal 31
 * weak: filter
 */
#include "attack.h"
int main(void) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20));
  breach("a 32-bit call");
}

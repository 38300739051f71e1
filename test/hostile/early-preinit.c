/*
 * An entry of its own in .preinit_array, which runs before every constructor; and a constructor with the first number there
 * is. Neither may run before the template stops, or all tests would share what it has done: so each test finds that its own
 * process has run them. The server gives a program with such an entry no template in the first place (template-elf.ts,
 * test/languages/template-elf.test.ts): run-attacks.c does not look, and so it is the stop itself that is tested here.
 *
 * weak: none, because where a template stops is not decided by the cell but by the object that is preloaded
 */
#include "attack.h"
static pid_t first, second;
static void before_all(void) { first = getpid(); }
__attribute__((section(".preinit_array"), used)) static void (*entry)(void) = before_all;
__attribute__((constructor(101))) static void before_others(void) { second = getpid(); }
int main(void) {
  if (first != getpid()) breach("the entry has run in another process");
  if (second != getpid()) breach("the constructor has run in another process");
  return 0;
}

/*
 * Leaves children unreaped; zombies hold process numbers.
 *
 * weak: limits
 */
#include "attack.h"
int main(void) {
  for (int i = 0; i < 2000; i++) {
    pid_t pid = fork();
    if (pid < 0) return i > 64;
    if (pid == 0) _exit(0);
  }
  breach("2,000 zombies");
}

/*
 * Burns in children that nobody waits for, each short, so that no process ever has much.
 *
 * expect: cpu
 * limits: cpu=200 wall=600000
 * only: groups
 * weak: limits
 */
#include "attack.h"
int main(void) {
  signal(SIGCHLD, SIG_IGN);
  for (;;) {
    if (fork() == 0) {
      for (volatile long i = 0; i < 3000000; i++) continue;
      _exit(0);
    }
    usleep(100);
  }
}

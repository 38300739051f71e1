/*
 * Leaves forty daemons that fork on while they are being killed.
 *
 * expect: exit 0 or cpu or wall
 * weak: reap
 */
#include "attack.h"
int main(void) {
  for (int i = 0; i < 40; i++) {
    if (fork() == 0) {
      setsid();
      for (;;) fork();
    }
  }
  usleep(20000);
  return 0;
}

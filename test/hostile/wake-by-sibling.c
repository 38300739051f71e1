/*
 * A child in a session of its own sends SIGCONT to its parent without pause; so it must be stopped in the same moment.
 *
 * expect: cpu
 * limits: cpu=600 wall=9000
 * turns: stopped
 * weak: standstill
 */
#include "attack.h"
int main(void) {
  pid_t parent = getpid();
  for (int i = 0; i < 8; i++) {
    if (fork() == 0) {
      setsid();
      for (;;) kill(parent, SIGCONT);
    }
  }
  for (;;) kill(-1, SIGCONT);
}

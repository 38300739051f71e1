/*
 * Forks as fast as it can while it is being stopped: a child born in the moment of the signal runs on.
 *
 * expect: cpu or wall
 * limits: cpu=600 wall=9000
 * turns: stopped
 * weak: none, because the kernel begins no fork over a signal that is there: one SIGSTOP to all stops them
 */
#include "attack.h"
int main(void) {
  for (;;) {
    pid_t pid = fork();
    if (pid == 0) {
      for (volatile int i = 0; i < 20000; i++) continue;
      _exit(0);
    }
    if (pid > 0) waitpid(pid, NULL, 0);
  }
}

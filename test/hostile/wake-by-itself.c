/*
 * Sends SIGCONT to itself without pause: a SIGSTOP that comes in the middle of kill() is taken back before it has been obeyed.
 *
 * expect: cpu
 * limits: cpu=600 wall=9000
 * turns: stopped
 * weak: none, because on a busy machine it seldom wins that race against a single signal
 */
#include "attack.h"
int main(void) {
  const pid_t own = getpid();
  for (;;) kill(own, SIGCONT);
}

/*
 * The first thread of a process has ended, so that /proc calls it a zombie. Two others send SIGCONT to it without pause: a SIGSTOP
 * that comes in the middle of kill() is taken back, and nothing shows in the state of the process that it goes on.
 *
 * expect: cpu
 * limits: cpu=600 wall=9000
 * turns: stopped
 * weak: standstill
 */
#include "attack.h"
static void *wake(void *nothing) {
  const pid_t own = getpid();
  for (;;) kill(own, SIGCONT);
  return nothing;
}
int main(void) {
  pthread_t thread;
  for (int i = 0; i < 2; i++) pthread_create(&thread, NULL, wake, NULL);
  pthread_exit(NULL);
}

/*
 * A POSIX timer sends SIGCONT every 20 ms: a program stopped by turno wakes itself.
 *
 * expect: cpu
 * limits: cpu=600 wall=9000
 * turns: stopped
 * weak: filter, standstill
 */
#include "attack.h"
static void nothing(int number) { (void)number; }
int main(void) {
  signal(SIGCONT, nothing); /* ignored, it would be sent once only */
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGCONT};
  struct itimerspec often = {{0, 20000000}, {0, 20000000}};
  timer_t timer;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0) timer_settime(timer, 0, &often, NULL);
  burn();
}

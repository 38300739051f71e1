/*
 * F_SETSIG turns "a pipe can be written" into SIGCONT.
 *
 * expect: cpu
 * limits: cpu=600 wall=9000
 * turns: stopped
 * weak: filter
 */
#include "attack.h"
int main(void) {
  int ends[2];
  pipe(ends);
  fcntl(ends[0], F_SETOWN, getpid());
  fcntl(ends[0], F_SETSIG, SIGCONT);
  fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK);
  int on = 1;
  ioctl(ends[0], FIOASYNC, &on);
  if (fcntl(ends[0], F_GETSIG) == SIGCONT) breach("F_SETSIG");
  if (fcntl(ends[0], F_GETFL) & O_ASYNC) breach("O_ASYNC");
  burn();
}

/*
 * Climbs out of SCHED_IDLE.
 *
 * weak: scheduler
 */
#include "attack.h"
#include <sched.h>
int main(void) {
  struct sched_param zero = {0}, one = {1};
  if (sched_getscheduler(0) != SCHED_IDLE) breach("not SCHED_IDLE");
  REFUSED(sched_setscheduler(0, SCHED_OTHER, &zero));
  REFUSED(sched_setscheduler(0, SCHED_BATCH, &zero));
  REFUSED(sched_setscheduler(0, SCHED_FIFO, &one));
  REFUSED(setpriority(PRIO_PROCESS, 0, -5));
  setsid();
  REFUSED(sched_setscheduler(0, SCHED_OTHER, &zero));
  return 0;
}

/*
 * Makes PID 1 slow: idle class, one core, lowest priority, also by addressing it as "every process of this user".
 *
 * weak: identity, filter
 */
#include "attack.h"
#include <sched.h>
int main(void) {
  struct sched_param zero = {0};
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  REFUSED(sched_setscheduler(1, SCHED_IDLE, &zero));
  REFUSED(sched_setaffinity(1, sizeof first, &first));
  REFUSED(setpriority(PRIO_PROCESS, 1, 19));
  REFUSED(setpriority(PRIO_USER, getuid(), 19));
  REFUSED(setpriority(PRIO_PGRP, 0, 19));
  REFUSED(syscall(SYS_ioprio_set, 1, 1, 3 << 13));
  return 0;
}

/*
 * What programs inherit from PID 1: a run that lowered a limit of PID 1, or moved it to one core, would have done so to
 * every later run in the cell. Separate ids and the filter make that impossible; that this is so is checked, not believed.
 */
#include "unchanged.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "report.h"

static const __rlimit_resource_t resources[] = {RLIMIT_CPU,   RLIMIT_FSIZE,  RLIMIT_NOFILE, RLIMIT_STACK,
                                                RLIMIT_NPROC, RLIMIT_AS,     RLIMIT_DATA,   RLIMIT_SIGPENDING};

struct inherited {
  int policy, nice;
  cpu_set_t cores;
  struct rlimit limits[sizeof resources / sizeof *resources];
};

static struct inherited remembered;

static struct inherited present(void) {
  struct inherited now;
  memset(&now, 0, sizeof now);
  now.policy = sched_getscheduler(0);
  now.nice = getpriority(PRIO_PROCESS, 0);
  if (sched_getaffinity(0, sizeof now.cores, &now.cores)) die(STEP_CLEAN, 20, errno, "sched_getaffinity");
  for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
    if (getrlimit(resources[i], &now.limits[i])) die(STEP_CLEAN, 21, errno, "getrlimit");
  }
  return now;
}

void unchanged_remember(void) { remembered = present(); }

void unchanged_check(void) {
  struct inherited now = present();
  if (memcmp(&now, &remembered, sizeof now)) die(STEP_CLEAN, 22, 0, "scheduling, affinity or a limit of PID 1 was changed");
}

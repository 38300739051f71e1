/* Starting one program. */
#ifndef TURNO_CELL_RUN_H
#define TURNO_CELL_RUN_H

#include <sys/resource.h>

#include "cell.h"
#include "control.h"
#include "steps.h"

struct launch {
  const struct cell *cell;
  const struct request *request;
  int streams[3];         /* stdin, stdout, stderr as the program gets them */
  uint64_t file_bytes;    /* RLIMIT_FSIZE */
  uint32_t others;        /* tasks of the program's uid that are none of the run's */
  int socket;             /* of a template, which finds it as TEMPLATE_SOCKET; -1 = this is a program */
  char **environment;
  /* Why it did not start; step STEP_NONE = it did. Written by the child. */
  volatile enum step step;
  volatile uint32_t index;
  volatile int error;
};

/*
 * Starts the program of the request. Returns its pid, and for a template no sooner than it has executed. `launch` and the request are
 * used by the child until it has executed or is dead; then launch->step tells whether it got as far as its own code.
 */
pid_t run_start(struct launch *launch);

/* What the program of the request has as its resource limits, by number of the resource. */
void run_limits(const struct launch *launch, struct rlimit limits[RLIM_NLIMITS]);

#endif

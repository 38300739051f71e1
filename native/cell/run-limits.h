/* The limits PID 1 keeps itself. Not called limits.h: with -I of this directory it would stand before the system's. */
#ifndef TURNO_CELL_RUN_LIMITS_H
#define TURNO_CELL_RUN_LIMITS_H

#include "outcome.h"

/* Reads the clocks of a run on its lane. Returns for how long at least no limit can be reached, or 0 when one is. */
uint64_t limits_look(struct run *run);

/* When that is due for the first time: nothing is used yet. */
uint64_t limits_first_look_ns(const struct run *run);

#endif

/* When a stopped run would have woken. */
#ifndef TURNO_CELL_ASLEEP_H
#define TURNO_CELL_ASLEEP_H

#include "cell.h"

/* Of a run that is asleep, before it is stopped: notes what the stop will change. */
void asleep_note(const struct cell *cell);

/*
 * Of that run, when all of it has stopped: until when (CLOCK_MONOTONIC, ns) its sleep would have gone on. 0: that cannot be
 * known. `since_ns` is when its stay on the lane began, no new sleep is older; `interrupted_ns` is before any thread stopped.
 */
uint64_t asleep_until_ns(const struct cell *cell, uint64_t since_ns, uint64_t interrupted_ns);

#endif

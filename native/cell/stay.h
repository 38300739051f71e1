/* Stays on a lane. */
#ifndef TURNO_CELL_STAY_H
#define TURNO_CELL_STAY_H

#include "outcome.h"

/* Announces that the run is on a lane, if it still may be. */
bool stay_may_begin(const struct run *run);

/* Does what the word in the slot says: stops the run, lets it go on, ends it. */
void stay_obey(struct run *run);

/* When a run that has just been stopped is to be looked at; UINT64_MAX: not before other news. */
uint64_t stay_next_look_ns(const struct run *run);

/* Looks at a stopped run, which it may end. Returns the next time. */
uint64_t stay_look(struct run *run);

/* Settles what of a stop that is over counts as stopped; the rest was sleep. */
void stay_end_stop(struct run *run);

#endif
